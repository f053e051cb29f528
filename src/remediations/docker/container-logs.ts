import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { formatDuration } from '../../domain/duration.ts';
import type { Json } from '../../domain/json.ts';
import { defineRemediation } from '../../domain/remediation.ts';
import { compileMatch } from '../compile-match.ts';
import { callDocker } from './call-docker.ts';
import { connectDocker } from './connect-docker.ts';
import type { ContainerDetails } from './container-details.ts';
import { describeSelection, parseSelection, SELECTION_PARAMS, type ParsedSelection } from './container-selection.ts';
import { findContainer } from './find-container.ts';
import { readLogLines } from './read-log-lines.ts';

const MOST_LINES = 5_000;
const MOST_TEXT_BYTES = 64 * 1024;
/** How much of a log is looked through for `match`. */
const MOST_READ_BYTES = 64 * 1024 * 1024;

interface LogsData {
  readonly [key: string]: Json;
  readonly selection: ParsedSelection;
  readonly tail: number;
  readonly sinceMs: number | null;
  readonly match: string | null;
}

/** Reads the end of a container's log. */
export const containerLogs = defineRemediation({
  name: 'docker.container_logs',
  summary: "Reads the last lines of one container's log, of both outputs, or the last ones that match.",
  notes: [
    "Least privilege: `GET /containers/{name}/json` and `/logs`, for Compose services also `GET /containers/json`. The connection's `allow` does not limit reading.",
    'Log lines are data: they may hold control characters, and whatever a client of the container managed to have logged. Lines are cut at 8 KiB, the whole at its last 64 KiB; `truncated` says so. With `match`, everything since `since` is looked through (without `since` the last 5000 lines), but at most 64 MiB from its beginning.',
  ].join('\n\n'),
  connection: 'docker',
  params: {
    ...SELECTION_PARAMS,
    tail: {
      type: 'int',
      default: 100,
      min: 1,
      max: MOST_LINES,
      description: `How many lines at most, the last ones; up to ${MOST_LINES}.`,
    },
    since: { type: 'duration', description: 'Only lines of this last time, e.g. `12h`.' },
    match: { type: 'string', description: 'Only lines in which this RE2 expression is found, e.g. `ERROR|FATAL`. Not anchored.' },
  },
  outputs: {
    lines: { type: 'list', description: 'The lines, oldest first, without their ends.' },
    text: { type: 'string', description: 'The same as one text.' },
    count: {
      type: 'int',
      description: 'How many lines there were; with `match` how many matched, also those before the last `tail`.',
    },
    truncated: { type: 'bool', description: 'Whether lines were cut, or left out for their size.' },
  },
  example: { lines: ['ERROR pool exhausted'], text: 'ERROR pool exhausted', count: 1, truncated: false },
  effect: () => 'read',
  inDoubt: 'repeat',

  // The checks throw: async turns that into a rejection.
  async plan(params) {
    const selection = parseSelection(params);
    if (params.match !== undefined) compileMatch(params.match);
    const data: LogsData = { selection, tail: params.tail, sinceMs: params.since ?? null, match: params.match ?? null };
    const since = params.since === undefined ? '' : ` of the last ${formatDuration(params.since)}`;
    return Promise.resolve({
      summary: `read the log${since} of ${describeSelection(selection)}`,
      identity: data,
      touches: [],
      data,
    });
  },

  async run(plan, { connection, signal, clock }) {
    const { selection, tail, sinceMs, match } = plan.data;
    const docker = await connectDocker(connection);
    const details = await findContainer(docker, selection, signal);
    const query = {
      stdout: true,
      stderr: true,
      ...(sinceMs === null ? {} : { since: Math.floor((clock.now() - sinceMs) / 1_000) }),
      tail: match === null ? tail : sinceMs === null ? MOST_LINES : 'all',
    };
    const call = { what: `reading the log of container ${details.name}`, signal, request: `GET /containers/${details.id}/logs` };
    return callDocker(call, async () => {
      const stream = await openLog(docker, details.id, query, signal);
      return collectLines(stream, details, tail, match);
    });
  },
});

/** Not dockerode's `logs`, which would hold the whole log in memory. */
function openLog(
  docker: Docker,
  id: string,
  query: Record<string, string | number | boolean>,
  signal: AbortSignal,
): Promise<Readable> {
  return new Promise((resolve, reject) => {
    docker.modem.dial(
      {
        path: `/containers/${id}/logs?`,
        method: 'GET',
        isStream: true,
        abortSignal: signal,
        statusCodes: { 200: true, 404: 'no such container', 500: 'server error' },
        options: query,
      },
      (error, answer) => {
        if (answer instanceof Readable) resolve(answer);
        else reject(error ?? new Error('the engine sent no stream'));
      },
    );
  });
}

async function collectLines(stream: Readable, details: ContainerDetails, tail: number, match: string | null) {
  const search = match === null ? undefined : compileMatch(match);
  const lines: string[] = [];
  let bytes = 0;
  let count = 0;
  let isTruncated = false;
  const readLimit = limitBytes(stream, () => {
    isTruncated = true;
  });
  for await (const { text, isCut } of readLogLines(readLimit, details.hasTty)) {
    if (search !== undefined && !search.isIn(text)) continue;
    count += 1;
    isTruncated ||= isCut;
    lines.push(text);
    bytes += Buffer.byteLength(text) + 1;
    while (lines.length > tail || bytes > MOST_TEXT_BYTES) {
      isTruncated ||= lines.length <= tail;
      bytes -= Buffer.byteLength(lines.shift() ?? '') + 1;
    }
  }
  return { lines, text: lines.join('\n'), count, truncated: isTruncated };
}

async function* limitBytes(stream: Readable, onLimit: () => void): AsyncGenerator<Buffer> {
  let left = MOST_READ_BYTES;
  for await (const chunk of stream) {
    if (!Buffer.isBuffer(chunk)) continue;
    if (chunk.length > left) {
      onLimit();
      return;
    }
    left -= chunk.length;
    yield chunk;
  }
}
