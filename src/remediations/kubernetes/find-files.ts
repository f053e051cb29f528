import { posix } from 'node:path';
import { formatDuration } from '../../domain/duration.ts';
import type { Json } from '../../domain/json.ts';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';
import { connectKubernetes, type KubernetesApi } from './connect-kubernetes.ts';
import { parsePodChoice, POD_CHOICE_PARAMS, podsOf, type PodChoice } from './pod-choice.ts';
import { chooseContainer, type Pod } from './pod.ts';
import { runInContainer } from './run-in-container.ts';

const MOST_PODS = 10;
const MOST_FILES = 100;
const MINUTE_MS = 60_000;

interface FindData {
  readonly [key: string]: Json;
  readonly choice: PodChoice;
  readonly container: string | null;
  readonly directory: string;
  readonly pattern: string;
  readonly minutes: number | null;
}

/** Looks for files in containers. */
export const findFiles = defineRemediation({
  name: 'kubernetes.find_files',
  summary: 'Lists files of one directory in the containers of a pod or a Deployment, by a pattern and by age.',
  notes: [
    'Least privilege, in each namespace: `{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }` and `{ apiGroups: [""], resources: ["pods/exec"], verbs: ["get", "create"] }` (`create` is asked for since Kubernetes 1.35); with `deployment` also `{ apiGroups: [""], resources: ["pods"], verbs: ["list"] }` and `{ apiGroups: ["apps"], resources: ["deployments"], verbs: ["get"] }`. The right to `pods/exec` is as good as a shell in every pod of the namespace.',
    'It runs `find` and `stat` in the container, without a shell; the image needs both (BusyBox has them). With `deployment`, the first 10 running pods are searched, by name.',
  ].join('\n\n'),
  connection: 'kubernetes',
  params: {
    ...POD_CHOICE_PARAMS,
    container: { type: 'string', description: 'The container; default: its default or only one.' },
    match: {
      type: 'string',
      required: true,
      place: 'glob',
      description:
        'Absolute path whose last part may be a glob: `/app/*.heapsnapshot`. Values of expressions inside it are literal text.',
    },
    newer_than: {
      type: 'duration',
      min: MINUTE_MS,
      description: 'Only files that were written within this last time; rounded up to minutes.',
    },
  },
  outputs: {
    files: { type: 'list', description: 'The newest 100, newest first, each with `pod`, `path`, `bytes` and `modified_at`.' },
    count: { type: 'int', description: 'How many were found.' },
    truncated: { type: 'bool', description: 'Whether files or pods were left out.' },
  },
  example: {
    files: [{ pod: 'api-5d9c7b-x2x9z', path: '/app/1.heapsnapshot', bytes: 52_428_800, modified_at: '2026-11-21T02:30:00.000Z' }],
    count: 1,
    truncated: false,
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  // The checks throw: async turns that into a rejection.
  async plan(params, { connection }) {
    const choice = parsePodChoice(connection, params);
    const minutes = params.newer_than === undefined ? null : Math.ceil(params.newer_than / MINUTE_MS);
    const data: FindData = { choice, container: params.container ?? null, ...parseMatch(params.match), minutes };
    const age = minutes === null ? '' : ` of the last ${formatDuration(minutes * MINUTE_MS)}`;
    return Promise.resolve({
      summary: `look for ${quoteLine(params.match)}${age} in ${choice.by} ${choice.namespace}/${choice.name}`,
      identity: data,
      touches: [],
      data,
    });
  },

  async run({ data }, context) {
    const api = await connectKubernetes(context);
    const running = (await podsOf(api, data.choice)).filter(({ status }) => status.phase === 'Running');
    if (running.length === 0) {
      const { by, namespace, name } = data.choice;
      throw new StepError('precondition_failed', `no pod of ${by} ${namespace}/${name} runs`, { happened: 'nothing' });
    }
    const searched = running.slice(0, MOST_PODS);
    const found: Awaited<ReturnType<typeof search>>[] = [];
    for (const pod of searched) found.push(await search(api, pod, data));
    const files = found.flatMap((one) => one.files).sort((a, b) => (a.modified_at < b.modified_at ? 1 : -1));
    const isCut = found.some((one) => one.isCut) || running.length > searched.length || files.length > MOST_FILES;
    return { files: files.slice(0, MOST_FILES), count: files.length, truncated: isCut };
  },
});

async function search(api: KubernetesApi, pod: Pod, { choice, container: wanted, directory, pattern, minutes }: FindData) {
  const { name } = pod.metadata;
  const container = chooseContainer(pod, wanted ?? undefined);
  const age = minutes === null ? [] : ['-mmin', `-${minutes}`];
  const filter = ['-maxdepth', '1', '-type', 'f', '-name', pattern, ...age];
  const result = await runInContainer(api, {
    namespace: choice.namespace,
    pod: name,
    container,
    argv: ['find', directory, ...filter, '-exec', 'stat', '-c', '%s %Y %n', '{}', '+'],
    isChange: false,
  });
  if (result.exit !== 0) {
    const why =
      result.exit === 'missing' ? 'its image has no find' : `find ended with ${result.exit}: ${quoteLine(result.stderr)}`;
    throw new StepError('rejected', `container ${container} of pod ${name}: ${why}`, { happened: 'nothing' });
  }
  const lines = result.stdout.split('\n');
  // The last line is empty, or the one that was cut.
  lines.pop();
  return { files: lines.flatMap((line) => parseFile(name, directory, line)), isCut: result.isCut };
}

/** A name may hold line breaks, and behind one a line such as ours: nothing outside of the directory is believed. */
function parseFile(pod: string, directory: string, line: string) {
  const [, bytes, seconds, path] = /^(\d{1,15}) (\d{1,11}) (\/.+)$/.exec(line) ?? [];
  if (path === undefined || posix.dirname(path) !== directory) return [];
  return [{ pod, path, bytes: Number(bytes), modified_at: new Date(Number(seconds) * 1_000).toISOString() }];
}

/** The directory is literal: so no more of the container is searched than the step says. */
function parseMatch(match: string): { readonly directory: string; readonly pattern: string } {
  const parts = match.split('/');
  const pattern = parts.pop() ?? '';
  const isPlain = parts[0] === '' && parts.slice(1).every((part) => part !== '' && part !== '.' && part !== '..');
  if (!isPlain || pattern === '' || /[*?[\]\\]/.test(parts.join('/'))) {
    const message = `match "${quoteLine(match)}" is not an absolute path whose last part only may be a glob, such as /app/*.heapsnapshot`;
    throw new StepError('invalid_value', message, { happened: 'nothing' });
  }
  return { directory: parts.length === 1 ? '/' : parts.join('/'), pattern };
}
