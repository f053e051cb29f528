import { defineRemediation } from '../../domain/remediation.ts';
import { connectDocker } from './connect-docker.ts';
import { toTimestamp } from './container-details.ts';
import { describeSelection, parseSelection, SELECTION_PARAMS } from './container-selection.ts';
import { findContainer } from './find-container.ts';

/** Reads the state of one container. */
export const inspectContainer = defineRemediation({
  name: 'docker.inspect_container',
  summary: 'Reads the state, health, restarts and limits of one container.',
  notes:
    "Least privilege: `GET /containers/{name}/json`, for Compose services also `GET /containers/json`, through a socket proxy that lets nothing else through. The connection's `allow` does not limit reading.",
  connection: 'docker',
  params: SELECTION_PARAMS,
  outputs: {
    name: { type: 'string', description: 'The name of the container.' },
    id: { type: 'string', description: 'Its id, 64 hexadecimal digits.' },
    image: { type: 'string', description: 'The image it was made from, as it was named then.' },
    state: { type: 'string', description: '`created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`.' },
    running: { type: 'bool', description: 'Whether its process runs; also true while paused or restarting.' },
    health: { type: 'string', description: '`healthy`, `unhealthy`, `starting`, or `none` without a health check.' },
    exit_code: { type: 'int', description: 'The last exit status; 0 while it runs.' },
    oom_killed: { type: 'bool', description: 'Whether it was last ended for lack of memory.' },
    restart_count: { type: 'int', description: 'Restarts by its restart policy, not by hand.' },
    started_at: { type: 'timestamp', description: 'Its last start; the year 1 when it never started.' },
    finished_at: { type: 'timestamp', description: 'Its last end; the year 1 when it never ended.' },
    memory_limit: { type: 'bytes', description: 'Its memory limit; 0 when it has none.' },
  },
  example: {
    name: 'web-1',
    id: '4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66',
    image: 'registry.example.com/web:1.4',
    state: 'running',
    running: true,
    health: 'healthy',
    exit_code: 0,
    oom_killed: false,
    restart_count: 0,
    started_at: '2026-11-21T02:00:00.000Z',
    finished_at: '0001-01-01T00:00:00.000Z',
    memory_limit: 536_870_912,
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  // The checks throw: async turns that into a rejection.
  async plan(params) {
    const selection = parseSelection(params);
    return Promise.resolve({
      summary: `inspect ${describeSelection(selection)}`,
      identity: selection,
      touches: [],
      data: selection,
    });
  },

  async run(plan, { connection, signal }) {
    const details = await findContainer(await connectDocker(connection), plan.data, signal);
    return {
      name: details.name,
      id: details.id,
      image: details.image,
      state: details.state,
      running: details.isRunning,
      health: details.health,
      exit_code: details.exitCode,
      oom_killed: details.isOomKilled,
      restart_count: details.restartCount,
      started_at: toTimestamp(details.startedAt),
      finished_at: toTimestamp(details.finishedAt),
      memory_limit: details.memoryLimit,
    };
  },
});
