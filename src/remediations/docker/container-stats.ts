import type Docker from 'dockerode';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';
import { callDocker } from './call-docker.ts';
import { connectDocker } from './connect-docker.ts';
import {
  describeSelection,
  parseSelection,
  SELECTION_PARAMS,
  type ContainerSelection,
  type ParsedSelection,
} from './container-selection.ts';
import { findContainer, listContainers, type ListedContainer } from './find-container.ts';
import { matchesName } from '../matches-name.ts';
import { parseEngineAnswer } from './parse-engine-answer.ts';
import { usageSchema, type Usage } from './usage.ts';

const MOST_CONTAINERS = 100;

type StatsSelection = ParsedSelection | { readonly by: 'pattern'; readonly pattern: string };

/** Measures what containers use. */
export const containerStats = defineRemediation({
  name: 'docker.container_stats',
  summary: 'Measures memory, CPU and processes of one container, or of all running ones whose names match a pattern.',
  notes: [
    "Least privilege: `GET /containers/{name}/json` and `/stats`; for patterns and Compose services also `GET /containers/json`. The connection's `allow` does not limit reading.",
    'With a pattern (`dean-*`) the values at the top are the highest of all, so that `output.memory_ratio < 0.8` holds for every one; `containers` has them one by one. Memory is counted as `docker stats` does, without the file cache that can be given back.',
    'A measurement takes one to two seconds, because CPU use is the difference of two. A container that does not run is `unavailable`.',
  ].join('\n\n'),
  connection: 'docker',
  params: {
    ...SELECTION_PARAMS,
    container: {
      type: 'string',
      description: `The exact name of a container, or a pattern with \`*\` for at most ${MOST_CONTAINERS} running ones.`,
    },
  },
  outputs: {
    memory_usage: { type: 'bytes', description: 'Memory in use.' },
    memory_limit: { type: 'bytes', description: "The container's memory limit, or the machine's memory when it has none." },
    memory_ratio: { type: 'number', description: 'Use by limit: 1 is all of it.' },
    cpu_ratio: { type: 'number', description: 'CPU use of the last second: 1 is one whole core.' },
    pids: { type: 'int', description: 'Processes and threads.' },
    containers: { type: 'list', description: 'For each container by name: `name` and the values above.' },
  },
  example: {
    memory_usage: 402_653_184,
    memory_limit: 536_870_912,
    memory_ratio: 0.75,
    cpu_ratio: 0.12,
    pids: 14,
    containers: [
      { name: 'web-1', memory_usage: 402_653_184, memory_limit: 536_870_912, memory_ratio: 0.75, cpu_ratio: 0.12, pids: 14 },
    ],
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  // The checks throw: async turns that into a rejection.
  async plan(params) {
    const selection = parseStatsSelection(params);
    const what = selection.by === 'pattern' ? `containers ${selection.pattern}` : describeSelection(selection);
    return Promise.resolve({ summary: `measure ${what}`, identity: selection, touches: [], data: selection });
  },

  async run(plan, { connection, signal }) {
    const docker = await connectDocker(connection);
    const found = await findRunning(docker, plan.data, signal);
    const containers = await Promise.all(
      found.map(async ({ id, name }) => ({ name, ...(await measure(docker, id, name, signal)) })),
    );
    const highest = (key: keyof Usage): number => Math.max(...containers.map((usage) => usage[key]));
    return {
      memory_usage: highest('memory_usage'),
      memory_limit: highest('memory_limit'),
      memory_ratio: highest('memory_ratio'),
      cpu_ratio: highest('cpu_ratio'),
      pids: highest('pids'),
      containers,
    };
  },
});

function parseStatsSelection(params: ContainerSelection): StatsSelection {
  const { container: pattern, project, service } = params;
  const isPattern = pattern?.includes('*') === true && project === undefined && service === undefined;
  if (!isPattern) return parseSelection(params);
  if (/^[a-zA-Z0-9*][a-zA-Z0-9_.*-]{0,254}$/.test(pattern)) return { by: 'pattern', pattern };
  throw new StepError('invalid_value', `container "${quoteLine(pattern)}" is not a pattern of plain name characters and "*"`, {
    happened: 'nothing',
  });
}

/** At least one. */
async function findRunning(docker: Docker, selection: StatsSelection, signal: AbortSignal): Promise<readonly ListedContainer[]> {
  if (selection.by !== 'pattern') {
    const details = await findContainer(docker, selection, signal);
    if (details.isRunning) return [details];
    throw new StepError('unavailable', `container ${details.name} is not running (${details.state})`, { happened: 'nothing' });
  }
  const { pattern } = selection;
  const found = (await listContainers(docker, {}, signal)).filter(({ name }) => matchesName(pattern, name));
  if (found.length === 0) throw new StepError('not_found', `no running container matches "${pattern}"`, { happened: 'nothing' });
  if (found.length > MOST_CONTAINERS) {
    const message = `${found.length} containers match "${pattern}", at most ${MOST_CONTAINERS} are measured; narrow the pattern`;
    throw new StepError('over_limit', message, { happened: 'nothing' });
  }
  return found;
}

async function measure(docker: Docker, id: string, name: string, signal: AbortSignal): Promise<Usage> {
  const what = `measuring container ${name}`;
  const options = { stream: false as const, abortSignal: signal };
  const call = { what, signal, request: `GET /containers/${id}/stats` };
  const answer = await callDocker(call, () => docker.getContainer(id).stats(options));
  return parseEngineAnswer(usageSchema, answer, what);
}
