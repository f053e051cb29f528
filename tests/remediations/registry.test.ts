import { describe, expect, test } from '@jest/globals';
import type { Json } from '../../src/domain/json.ts';
import { parseParameter, type OutputType } from '../../src/domain/parameter.ts';
import { EFFECTS } from '../../src/domain/remediation.ts';
import { alertmanagerRemediations } from '../../src/remediations/alertmanager/index.ts';
import { controlRemediations } from '../../src/remediations/control/index.ts';
import { dockerRemediations } from '../../src/remediations/docker/index.ts';
import { execRemediations } from '../../src/remediations/exec/index.ts';
import { elasticsearchRemediations } from '../../src/remediations/elasticsearch/index.ts';
import { filesRemediations } from '../../src/remediations/files/index.ts';
import { httpRemediations } from '../../src/remediations/http/index.ts';
import { getRemediation, remediations } from '../../src/remediations/index.ts';
import { kubernetesRemediations } from '../../src/remediations/kubernetes/index.ts';
import { postgresRemediations } from '../../src/remediations/postgres/index.ts';
import { prometheusRemediations } from '../../src/remediations/prometheus/index.ts';
import { redisRemediations } from '../../src/remediations/redis/index.ts';

const folders = [
  alertmanagerRemediations,
  elasticsearchRemediations,
  filesRemediations,
  prometheusRemediations,
  controlRemediations,
  dockerRemediations,
  execRemediations,
  httpRemediations,
  kubernetesRemediations,
  postgresRemediations,
  redisRemediations,
];

describe('the registry', () => {
  test('has the catalogue, each name once', () => {
    expect([...remediations.keys()].sort()).toEqual([
      'alertmanager.alerts',
      'alertmanager.expire_silence',
      'alertmanager.silence',
      'docker.container_logs',
      'docker.container_stats',
      'docker.disk_usage',
      'docker.inspect_container',
      'docker.kill_container',
      'docker.prune',
      'docker.restart_container',
      'docker.restart_in_order',
      'docker.rollback_container',
      'docker.scale_service',
      'docker.start_container',
      'docker.stop_container',
      'docker.update_container',
      'elasticsearch.delete_indices',
      'elasticsearch.indices',
      'exec.run',
      'files.delete_older',
      'files.disk_usage',
      'files.newest',
      'http.request',
      'kubernetes.cordon_node',
      'kubernetes.delete_pod',
      'kubernetes.describe_pod',
      'kubernetes.events',
      'kubernetes.find_files',
      'kubernetes.get_config_map',
      'kubernetes.pod_logs',
      'kubernetes.pod_usage',
      'kubernetes.rollout_restart',
      'kubernetes.rollout_status',
      'kubernetes.rollout_undo',
      'kubernetes.scale_deployment',
      'kubernetes.signal_process',
      'kubernetes.uncordon_node',
      'message.post',
      'postgres.active_queries',
      'postgres.analyze',
      'postgres.bloat',
      'postgres.cancel_queries',
      'postgres.connection_stats',
      'postgres.disable_accounts',
      'postgres.dump',
      'postgres.index_sizes',
      'postgres.integrity_check',
      'postgres.lock_chains',
      'postgres.ping',
      'postgres.reindex',
      'postgres.replication_lag',
      'postgres.restore_test',
      'postgres.set_parameter',
      'postgres.set_read_only',
      'postgres.slow_queries',
      'postgres.table_sizes',
      'postgres.terminate_blockers',
      'postgres.terminate_idle_connections',
      'postgres.terminate_idle_in_transaction',
      'postgres.terminate_queries',
      'postgres.vacuum',
      'prometheus.query',
      'redis.big_keys',
      'redis.delete_keys',
      'redis.flush_db',
      'redis.get_config',
      'redis.info',
      'redis.kill_idle_clients',
      'redis.memory_doctor',
      'redis.ping',
      'redis.purge_memory',
      'redis.save_rdb',
      'redis.set_config',
      'redis.set_eviction_policy',
      'report.post',
      'wait',
    ]);
    expect(remediations.size).toBe(folders.flat().length);
  });

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', 'docker.restart_container '])(
    'has nothing for %j',
    (name) => {
      expect(getRemediation(name)).toBeUndefined();
    },
  );
});

/** An instant is a string for the parameters' parser. */
function fitsType(type: OutputType, value: Json): boolean {
  if (type === 'timestamp') return typeof value === 'string' && new Date(value).toISOString() === value;
  if (type === 'string') return typeof value === 'string';
  return parseParameter('output', { type }, value, () => true) === value;
}

describe.each([...remediations.values()].map((remediation) => [remediation.name, remediation] as const))(
  '%s',
  (name, remediation) => {
    test('is named like its connection and describes itself', () => {
      const [system] = name.split('.');
      expect(remediation.connection ?? system).toBe(system === 'elasticsearch' ? 'http' : system);
      expect(name).toMatch(/^[a-z]+(\.[a-z_]+)?$/);
      expect(remediation.summary).toMatch(/^[A-Z].*\.$/s);
      expect(remediation.notes.length).toBeGreaterThan(40);
      for (const spec of Object.values(remediation.params)) expect(spec.description).toMatch(/\S/);
      for (const spec of Object.values(remediation.outputs)) expect(spec.description).toMatch(/\S/);
    });

    test('has an example with exactly its outputs, of their types', () => {
      expect(Object.keys(remediation.example).sort()).toEqual(Object.keys(remediation.outputs).sort());
      for (const [output, { type }] of Object.entries(remediation.outputs)) {
        expect([output, fitsType(type, remediation.example[output] ?? null)]).toEqual([output, true]);
      }
    });

    test('has defaults that fit, an effect of the closed list, and a look exactly when in doubt it looks', () => {
      for (const [parameter, spec] of Object.entries(remediation.params)) {
        if (spec.default !== undefined)
          expect(() => parseParameter(parameter, spec, spec.default ?? null, () => true)).not.toThrow();
      }
      expect(EFFECTS).toContain(remediation.effect({}));
      expect(remediation.look !== undefined).toBe(remediation.inDoubt === 'look');
    });
  },
);
