import { setImmediate } from 'node:timers/promises';
import { formatDuration } from '../../domain/duration.ts';
import type { Json } from '../../domain/json.ts';
import type { Search } from '../../domain/pattern.ts';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { compileMatch } from '../compile-match.ts';
import { createStopError } from '../stop-error.ts';
import { callForText } from './call-api.ts';
import { connectKubernetes, type KubernetesApi } from './connect-kubernetes.ts';
import { parsePodChoice, POD_CHOICE_PARAMS, podsOf, type PodChoice } from './pod-choice.ts';
import { chooseContainer, countRestarts, type Pod } from './pod.ts';
import { RESOURCES } from './resource.ts';

const MOST_LINES = 1_000;
/** How many lines are looked through for `match` when no `since` says it. */
const MATCH_LINES = 5_000;
const MOST_TEXT_BYTES = 16 * 1024;
const SEARCHED_AT_ONCE = 128 * 1024;

interface LogsData {
  readonly [key: string]: Json;
  readonly choice: PodChoice;
  readonly container: string | null;
  readonly previous: boolean;
  readonly tail: number;
  readonly sinceMs: number | null;
  readonly match: string | null;
}

/** Reads the end of the log of one container of a pod. */
export const podLogs = defineRemediation({
  name: 'kubernetes.pod_logs',
  summary: "Reads the last lines of one container's log, or the last ones that match; with `previous`, of its run before.",
  notes: [
    'Least privilege, in each namespace: `{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }` and `{ apiGroups: [""], resources: ["pods/log"], verbs: ["get"] }`; with `deployment` also `{ apiGroups: [""], resources: ["pods"], verbs: ["list"] }` and `{ apiGroups: ["apps"], resources: ["deployments"], verbs: ["get"] }`.',
    'With `deployment`, it is the pod that was restarted most often, of these the newest. Without `container`, it is the one of the annotation `kubectl.kubernetes.io/default-container`, or the only one; else `missing_value`.',
    'Log lines are data: they may hold control characters, and whatever a client of the service managed to have logged. The text is cut to its last 16 KiB; `truncated` says so. With `match`, everything since `since` is looked through (without `since` the last 5000 lines), but at most 16 MiB from its beginning, and of each line its first 16 KiB.',
  ].join('\n\n'),
  connection: 'kubernetes',
  params: {
    ...POD_CHOICE_PARAMS,
    container: { type: 'string', description: 'The container; default: see the notes.' },
    previous: { type: 'bool', default: false, description: 'The run before the last restart: why it crashed.' },
    tail: { type: 'int', default: 200, min: 1, max: MOST_LINES, description: 'How many lines at most, the last ones.' },
    since: { type: 'duration', min: 1_000, description: 'Only lines of this last time, e.g. `15m`.' },
    match: { type: 'string', description: 'Only lines in which this RE2 expression is found, e.g. `ERROR|FATAL`. Not anchored.' },
  },
  outputs: {
    pod: { type: 'string', description: 'The pod.' },
    container: { type: 'string', description: 'The container.' },
    lines: { type: 'list', description: 'The lines, oldest first, without their ends.' },
    text: { type: 'string', description: 'The same as one text.' },
    count: { type: 'int', description: 'How many lines there were; with `match` how many matched.' },
    truncated: { type: 'bool', description: 'Whether lines were left out for their size.' },
  },
  example: {
    pod: 'api-5d9c7b-x2x9z',
    container: 'api',
    lines: ['Error: DATABASE_URL is not set'],
    text: 'Error: DATABASE_URL is not set',
    count: 1,
    truncated: false,
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  // The checks throw: async turns that into a rejection.
  async plan(params, { connection }) {
    const choice = parsePodChoice(connection, params);
    if (params.match !== undefined) compileMatch(params.match);
    const data: LogsData = {
      choice,
      container: params.container ?? null,
      previous: params.previous,
      tail: params.tail,
      sinceMs: params.since ?? null,
      match: params.match ?? null,
    };
    const since = params.since === undefined ? '' : ` of the last ${formatDuration(params.since)}`;
    return Promise.resolve({
      summary: `read the ${params.previous ? 'previous ' : ''}log${since} of ${choice.by} ${choice.namespace}/${choice.name}`,
      identity: data,
      touches: [],
      data,
    });
  },

  async run({ data }, context) {
    const { choice, container: wanted, tail, match } = data;
    const api = await connectKubernetes(context);
    const pod = findTroubled(await podsOf(api, choice));
    const container = chooseContainer(pod, wanted ?? undefined);
    const { text, isCut } = await readLog(api, choice.namespace, pod.metadata.name, container, data);
    const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
    if (lines.at(-1) === '') lines.pop();
    const search = match === null ? undefined : compileMatch(match);
    const found = search === undefined ? lines : await filterLines(lines, search, context.signal);
    const kept = keepEnd(found.slice(-tail));
    return {
      pod: pod.metadata.name,
      container,
      lines: kept.lines,
      text: kept.lines.join('\n'),
      count: found.length,
      truncated: isCut || kept.isCut,
    };
  },
});

/** The pod that says most about what is wrong. */
function findTroubled(pods: readonly Pod[]): Pod {
  const bornAt = ({ metadata }: Pod): string => metadata.creationTimestamp ?? '';
  const [first] = [...pods].sort((a, b) => countRestarts(b) - countRestarts(a) || (bornAt(a) < bornAt(b) ? 1 : -1));
  if (first === undefined) throw new StepError('not_found', 'there is no pod', { happened: 'nothing' });
  return first;
}

function readLog(
  api: KubernetesApi,
  namespace: string,
  name: string,
  container: string,
  { previous, tail, sinceMs, match }: LogsData,
): Promise<{ readonly text: string; readonly isCut: boolean }> {
  const lines = match === null ? tail : sinceMs === null ? MATCH_LINES : undefined;
  const query = {
    container,
    ...(previous ? { previous: 'true' } : {}),
    ...(lines === undefined ? {} : { tailLines: String(lines) }),
    ...(sinceMs === null ? {} : { sinceSeconds: String(Math.ceil(sinceMs / 1_000)) }),
  };
  return callForText(api, { verb: 'get', resource: { ...RESOURCES.pod, subresource: 'log', namespace, name }, query });
}

/** The lines in whose first 16 KiB it is found. It may take seconds, in which others have their turn. */
async function filterLines(lines: readonly string[], search: Search, signal: AbortSignal): Promise<readonly string[]> {
  const found: string[] = [];
  let searched = 0;
  for (const line of lines) {
    const start = line.slice(0, MOST_TEXT_BYTES);
    if (search.isIn(start)) found.push(line);
    searched += start.length + 1;
    if (searched < SEARCHED_AT_ONCE) continue;
    searched = 0;
    await setImmediate();
    if (signal.aborted) throw createStopError(signal, 'the search in the log', 'nothing');
  }
  return found;
}

/** The last lines that fit; a line that does not fit alone is cut. */
function keepEnd(lines: readonly string[]): { readonly lines: readonly string[]; readonly isCut: boolean } {
  const kept: string[] = [];
  let left = MOST_TEXT_BYTES;
  for (const line of lines.toReversed()) {
    const bytes = Buffer.byteLength(line) + 1;
    if (bytes > left) {
      const start = kept.length === 0 ? [Buffer.from(line).subarray(0, MOST_TEXT_BYTES).toString('utf8')] : [];
      return { lines: [...start, ...kept], isCut: true };
    }
    kept.unshift(line);
    left -= bytes;
  }
  return { lines: kept, isCut: false };
}
