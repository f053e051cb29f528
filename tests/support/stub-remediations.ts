import type { ConnectionKind } from '../../src/domain/connection.ts';
import type { OutputSpecs, OutputType, ParameterSpec, ParameterSpecs, ParameterType } from '../../src/domain/parameter.ts';
import type { AnyRemediation, Effect } from '../../src/domain/remediation.ts';

type Params = Readonly<Record<string, ParameterType | ParameterSpec>>;
type Outputs = Readonly<Record<string, OutputType>>;

/** A remediation that rules can be checked against and that cannot be run. */
function stubRemediation(
  name: string,
  connection: ConnectionKind | undefined,
  params: Params,
  outputs: Outputs,
  effect: Effect | AnyRemediation['effect'] = 'read',
): AnyRemediation {
  const refuse = (): never => {
    throw new Error(`${name} is a stub`);
  };
  return {
    name,
    summary: name,
    notes: '',
    connection,
    params: Object.fromEntries(
      Object.entries(params).map(([key, spec]) => [key, typeof spec === 'string' ? { type: spec } : spec]),
    ) satisfies ParameterSpecs,
    outputs: Object.fromEntries(
      Object.entries(outputs).map(([key, type]) => [key, { type, description: key }]),
    ) satisfies OutputSpecs,
    example: {},
    effect: typeof effect === 'function' ? effect : () => effect,
    inDoubt: 'ask',
    plan: refuse,
    run: refuse,
  };
}

const required = (type: ParameterType): ParameterSpec => ({ type, required: true });
const container = { container: required('string') };
const deployment = { deployment: required('string') };

const list: readonly AnyRemediation[] = [
  stubRemediation('postgres.connection_stats', 'postgres', {}, { idle: 'int', total: 'int', used_ratio: 'number' }),
  stubRemediation(
    'postgres.terminate_idle_connections',
    'postgres',
    { idle_for: required('duration'), limit: 'int' },
    { terminated: 'int' },
    'change',
  ),
  stubRemediation('postgres.ping', 'postgres', {}, { ready: 'bool' }),
  stubRemediation('postgres.active_queries', 'postgres', { limit: 'int' }, { queries: 'list' }),
  stubRemediation('postgres.slow_queries', 'postgres', { limit: 'int' }, { queries: 'list' }),
  stubRemediation('postgres.integrity_check', 'postgres', {}, { damaged: 'bool' }),
  stubRemediation('postgres.set_parameter', 'postgres', { name: required('string'), value: required('any') }, {}, 'change'),
  stubRemediation('postgres.set_read_only', 'postgres', { enabled: required('bool') }, {}, 'change'),
  stubRemediation('postgres.dump', 'postgres', { directory: required('string'), compress: 'bool' }, {}, 'change'),
  stubRemediation('postgres.vacuum', 'postgres', { analyze: 'bool' }, {}, 'change'),
  stubRemediation('postgres.reindex', 'postgres', { concurrently: 'bool' }, {}, 'change'),
  stubRemediation('redis.ping', 'redis', {}, { pong: 'bool' }),
  stubRemediation('redis.info', 'redis', { section: 'string' }, { values: 'map', memory_ratio: 'number' }),
  stubRemediation('redis.flush_db', 'redis', {}, { deleted: 'int' }, 'destructive'),
  stubRemediation('redis.save_rdb', 'redis', { directory: required('string') }, {}, 'change'),
  stubRemediation(
    'redis.delete_keys',
    'redis',
    { match: required('string'), batch: 'int', limit: 'int' },
    { deleted: 'int' },
    'destructive',
  ),
  stubRemediation('docker.inspect_container', 'docker', container, { running: 'bool' }),
  stubRemediation(
    'docker.container_logs',
    'docker',
    { ...container, tail: 'int', since: 'duration', match: 'string' },
    { lines: 'list' },
  ),
  stubRemediation('docker.container_stats', 'docker', container, { memory_ratio: 'number' }),
  stubRemediation('docker.restart_container', 'docker', container, { started_at: 'timestamp' }, 'change'),
  stubRemediation('docker.start_container', 'docker', container, {}, 'change'),
  stubRemediation('docker.update_container', 'docker', { ...container, memory: 'bytes' }, {}, 'change'),
  stubRemediation(
    'http.request',
    'http',
    {
      method: { type: 'string', enum: ['GET', 'POST', 'PUT', 'DELETE'], default: 'GET' },
      path: required('string'),
      query: 'map',
      json: 'any',
    },
    { status: 'int', json: 'any' },
    (params) => (params.method === 'GET' ? 'read' : 'change'),
  ),
  stubRemediation('exec.run', 'exec', { args: 'map' }, { exit_code: 'int', stdout: 'string' }, 'change'),
  stubRemediation('wait', undefined, { duration: required('duration') }, {}),
  stubRemediation('message.post', undefined, { text: required('string') }, {}),
  stubRemediation('files.newest', 'exec', { directory: required('string') }, { age: 'duration' }),
  stubRemediation('files.disk_usage', 'exec', { path: required('string') }, { used_ratio: 'number' }),
  stubRemediation(
    'files.delete_older',
    'exec',
    { directory: required('string'), match: 'string', older_than: 'duration', keep_at_least: 'int', limit: 'int' },
    {},
    'destructive',
  ),
  stubRemediation(
    'elasticsearch.delete_indices',
    'http',
    { match: required('string'), older_than: 'duration', limit: 'int' },
    {},
    'destructive',
  ),
  stubRemediation(
    'kubernetes.scale_deployment',
    'kubernetes',
    { ...deployment, by: 'int', to: 'int', min: 'int', max: 'int' },
    { replicas: 'int' },
    'change',
  ),
  stubRemediation('kubernetes.rollout_status', 'kubernetes', deployment, { complete: 'bool' }),
  stubRemediation('kubernetes.rollout_restart', 'kubernetes', deployment, {}, 'change'),
  stubRemediation('kubernetes.rollout_undo', 'kubernetes', deployment, {}, 'change'),
  stubRemediation('kubernetes.signal_process', 'kubernetes', { pod: required('string'), signal: 'string' }, {}, 'change'),
  stubRemediation(
    'kubernetes.find_files',
    'kubernetes',
    { ...deployment, match: 'string', newer_than: 'duration' },
    { files: 'list' },
  ),
  stubRemediation(
    'kubernetes.pod_logs',
    'kubernetes',
    { pod: required('string'), previous: 'bool', tail: 'int' },
    { lines: 'list' },
  ),
  stubRemediation('kubernetes.describe_pod', 'kubernetes', { pod: required('string') }, { text: 'string' }),
  stubRemediation('kubernetes.pod_usage', 'kubernetes', deployment, { pods: 'list' }),
  stubRemediation('kubernetes.get_config_map', 'kubernetes', { name: required('string') }, { data: 'map' }),
];

/** Stubs of this version's remediations and of those that the example rules use. */
export const stubRemediations: ReadonlyMap<string, AnyRemediation> = new Map(list.map((each) => [each.name, each]));
