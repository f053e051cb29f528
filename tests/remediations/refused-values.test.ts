import type { JsonObject } from '../../src/domain/json.ts';
import { ParameterError, parseParameters, type ParameterSpecs } from '../../src/domain/parameter.ts';
import { matchesPattern } from '../../src/domain/pattern.ts';
import { remediations } from '../../src/remediations/index.ts';

interface Values {
  /** What is needed, and nothing else. */
  readonly needed: JsonObject;
  /** Each of these instead of it is refused: a bound that was taken away, a filter that became optional. */
  readonly refused: readonly JsonObject[];
}

const SESSIONS: readonly JsonObject[] = [{ limit: 0 }, { user: '' }, { database: '' }, { application_name: '' }];
const SELECTION: readonly JsonObject[] = [{ container: '' }, { project: '' }, { service: '' }];
const STOP = { stop_timeout: '1h1s' };

/** Every remediation that changes something. What their own tests refuse is not said again. */
const CHANGES: Readonly<Record<string, Values>> = {
  'alertmanager.expire_silence': { needed: { id: 'abc' }, refused: [{ id: '*' }, { id: 'a/b' }] },
  'alertmanager.silence': {
    needed: { matchers: ['alertname="A"'], duration: '10m' },
    refused: [{ duration: '4h1s' }, { duration: '999ms' }, { comment: '' }],
  },
  'docker.kill_container': { needed: { signal: 'HUP' }, refused: [...SELECTION, { signal: 'STOP' }] },
  'docker.prune': {
    needed: { what: 'images', older_than: '1h' },
    refused: [{ what: 'all' }, { older_than: '999ms' }, { limit: 0 }, { limit: 1_001 }],
  },
  'docker.restart_container': { needed: {}, refused: [...SELECTION, STOP] },
  'docker.restart_in_order': {
    needed: { containers: ['a'] },
    refused: [STOP, { healthy_within: '2s' }, { healthy_within: '1h1s' }],
  },
  'docker.rollback_container': {
    needed: {},
    refused: [...SELECTION, STOP, { image: '' }, { healthy_within: '2s' }, { healthy_within: '1h1s' }],
  },
  'docker.scale_service': {
    needed: { project: 'shop', service: 'web' },
    refused: [STOP, { to: -1 }, { to: 101 }, { by: -101 }, { by: 101 }, { min: -1 }, { max: 0 }, { max: 101 }],
  },
  'docker.start_container': { needed: {}, refused: SELECTION },
  'docker.stop_container': { needed: {}, refused: [...SELECTION, STOP] },
  'docker.update_container': { needed: {}, refused: [...SELECTION, { memory: '1MiB' }, { memory: 0 }, { cpus: 0 }] },
  'elasticsearch.delete_indices': {
    needed: { match: 'logs-*', older_than: '30d' },
    refused: [{ older_than: '59m' }, { keep_at_least: 0 }, { limit: 0 }, { limit: 501 }],
  },
  'exec.run': { needed: {}, refused: [{ args: '' }, { args: 'rm' }, { command: '/bin/sh' }] },
  'files.delete_older': {
    needed: { directory: '/var/backups', match: '*.gz', older_than: '30d' },
    refused: [{ older_than: '59s' }, { keep_at_least: -1 }, { limit: 0 }, { limit: 1_001 }],
  },
  'http.request': {
    needed: { path: '/jobs' },
    refused: [{ method: 'CONNECT' }, { method: 'TRACE' }, { method: '' }, { max_bytes: '17MiB' }, { max_bytes: 0 }],
  },
  'kubernetes.cordon_node': { needed: { node: 'worker-1' }, refused: [] },
  'kubernetes.delete_pod': { needed: { pod: 'web-1' }, refused: [{ namespace: '' }] },
  'kubernetes.rollout_restart': {
    needed: {},
    refused: [{ deployment: '' }, { statefulset: '' }, { daemonset: '' }, { namespace: '' }],
  },
  'kubernetes.rollout_undo': {
    needed: {},
    refused: [{ deployment: '' }, { statefulset: '' }, { daemonset: '' }, { namespace: '' }, { to_revision: 0 }],
  },
  'kubernetes.scale_deployment': {
    needed: { deployment: 'web' },
    refused: [{ namespace: '' }, { to: -1 }, { to: 10_001 }, { by: 10_001 }, { min: -1 }, { max: 10_001 }],
  },
  'kubernetes.signal_process': {
    needed: { pod: 'web-1', signal: 'HUP' },
    refused: [{ container: '' }, { namespace: '' }, { signal: 'KILL' }, { pid: 0 }, { pid: -1 }],
  },
  'kubernetes.uncordon_node': { needed: { node: 'worker-1' }, refused: [] },
  'postgres.analyze': {
    needed: {},
    refused: [{ table: '' }, { schema: '' }, { limit: 0 }, { limit: 10_001 }, { lock_timeout: 0 }, { lock_timeout: '11m' }],
  },
  'postgres.cancel_queries': { needed: {}, refused: [...SESSIONS, { limit: 101 }, { running_for: '999ms' }] },
  'postgres.disable_accounts': { needed: { accounts: ['a'] }, refused: [{ limit: 0 }, { limit: 101 }, { accounts: 'a' }] },
  'postgres.dump': { needed: { directory: '/var/backups' }, refused: [{ directory: 'backups' }] },
  'postgres.reindex': {
    needed: {},
    refused: [{ table: '' }, { index: '' }, { schema: '' }, { limit: 0 }, { limit: 10_001 }, { lock_timeout: 0 }],
  },
  'postgres.restore_test': {
    needed: {},
    refused: [{ file: '' }, { file: 'a.dump' }, { directory: '' }, { directory: 'backups' }, { database: '' }],
  },
  'postgres.set_parameter': {
    needed: { name: 'work_mem', value: '8MB' },
    refused: [{ name: 'Work_Mem' }, { name: 'work_mem; x' }, { name: 'work mem' }, { name: "a'" }],
  },
  'postgres.set_read_only': { needed: { enabled: true }, refused: [{ enabled: 'yes' }, { enabled: 1 }] },
  'postgres.terminate_blockers': { needed: {}, refused: [...SESSIONS, { limit: 101 }, { waiting_for: '999ms' }] },
  'postgres.terminate_idle_connections': { needed: {}, refused: [...SESSIONS, { limit: 10_001 }, { idle_for: '999ms' }] },
  'postgres.terminate_idle_in_transaction': { needed: {}, refused: [...SESSIONS, { limit: 501 }, { idle_for: '999ms' }] },
  'postgres.terminate_queries': { needed: {}, refused: [...SESSIONS, { limit: 101 }, { running_for: '999ms' }] },
  'postgres.vacuum': {
    needed: {},
    refused: [{ table: '' }, { schema: '' }, { limit: 0 }, { limit: 10_001 }, { lock_timeout: 0 }, { lock_timeout: '11m' }],
  },
  'redis.delete_keys': {
    needed: { match: 'session:*' },
    refused: [
      { match: '*' },
      { type: '' },
      { type: 'module' },
      { batch: 0 },
      { batch: 10_001 },
      { limit: 0 },
      { limit: 1_000_001 },
    ],
  },
  'redis.flush_db': { needed: {}, refused: [{ database: 0 }] },
  'redis.kill_idle_clients': {
    needed: {},
    refused: [{ idle_for: '999ms' }, { limit: 0 }, { limit: 10_001 }, { user: '' }, { name: '' }, { address: '' }],
  },
  'redis.purge_memory': { needed: {}, refused: [] },
  'redis.save_rdb': { needed: {}, refused: [{ directory: '' }, { directory: 'backups' }] },
  'redis.set_config': { needed: { name: 'timeout', value: '1' }, refused: [{ name: '*' }, { name: 'Timeout' }, { name: 'a b' }] },
  'redis.set_eviction_policy': { needed: { policy: 'noeviction' }, refused: [{ policy: 'none' }] },
};

const changes = [...remediations.values()].filter(({ effect }) => effect({ method: 'POST' }) !== 'read');

const parse = (params: ParameterSpecs, values: JsonObject) => parseParameters(params, values, matchesPattern);

it('knows every remediation that changes something', () => {
  expect(changes.map(({ name }) => name).sort()).toEqual(Object.keys(CHANGES).sort());
});

describe.each(changes.map((remediation) => [remediation.name, remediation] as const))('%s', (name, { params }) => {
  const { needed = {}, refused = [] } = CHANGES[name] ?? {};

  it('needs what it says, and takes no empty value for it', () => {
    expect(Object.keys(parse(params, needed))).toEqual(expect.arrayContaining(Object.keys(needed)));
    for (const key of Object.keys(needed)) {
      expect(() => parse(params, { ...needed, [key]: null })).toThrow(`parameter "${key}" is required`);
      expect(() => parse(params, { ...needed, [key]: '' })).toThrow(`parameter "${key}" is empty`);
    }
    expect(() => parse(params, { ...needed, filter: 'x' })).toThrow('unknown parameter "filter"');
  });

  it.each(refused.length === 0 ? [{ unknown: 1 }] : refused)('refuses %j', (values) => {
    expect(() => parse(params, { ...needed, ...values })).toThrow(ParameterError);
  });
});
