import type { HttpConnection } from '../../domain/connection.ts';
import { formatDuration } from '../../domain/duration.ts';
import type { Json } from '../../domain/json.ts';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import {
  deleteIndex,
  listIndices,
  listWriteIndices,
  requireDeletable,
  whyKept,
  type ListedIndex,
} from './elasticsearch-index.ts';
import { parseIndexPattern } from './index-pattern.ts';

const MAX_NAMES = 100;

interface Selection {
  readonly [key: string]: Json;
  readonly match: string;
  readonly olderThanMs: number;
  readonly keepAtLeast: number;
}

interface PlannedIndex {
  readonly [key: string]: Json;
  readonly name: string;
  readonly uuid: string;
  readonly createdAt: number;
}

interface SkippedIndex {
  readonly [key: string]: Json;
  readonly name: string;
  readonly why: string;
}

/** Deletes old indices. */
export const deleteIndices = defineRemediation({
  name: 'elasticsearch.delete_indices',
  summary: 'Deletes the oldest indices by name and age, one by one, and always keeps the newest of them.',
  notes: [
    'Least privilege, e.g. for `app-logs-*`: a role with the cluster privilege `monitor` and on `app-logs-*` the index privileges `monitor`, `view_index_metadata` and `delete_index`; in `allow` of the connection `GET /_cat/indices/*`, `GET /_cat/aliases`, `GET /app-logs-*` and `DELETE /app-logs-*`.',
    '`match` needs at least three characters before its first `*`. Every index is deleted by its exact name, right after its UUID and its day of creation were read again: an index that was made anew under the same name stays. Its age is that of its creation, not of its documents.',
    'Never deleted: system indices, indices of data streams (use their lifecycle), and an index that an alias writes to, which the only index of an alias does, too. `skipped` says which were left for that.',
    'Take a snapshot first where the data matters: a deleted index cannot be brought back. Elasticsearch 7.7 and later, and OpenSearch; an index that is being snapshotted is refused by the server.',
  ].join('\n\n'),
  connection: 'http',
  params: {
    match: { type: 'string', required: true, place: 'glob', description: 'Pattern for the names, with `*`: `app-logs-*`.' },
    older_than: { type: 'duration', required: true, min: 3_600_000, description: 'Since their creation; at least an hour.' },
    keep_at_least: { type: 'int', default: 1, min: 1, max: 10_000, description: 'So many of the newest that match stay.' },
    limit: { type: 'int', default: 60, min: 1, max: 500, description: 'The most indices to delete; the rest is `remaining`.' },
  },
  outputs: {
    deleted: { type: 'int', description: 'Indices that were deleted.' },
    freed_bytes: { type: 'bytes', description: 'Their sizes together, with replicas.' },
    remaining: { type: 'int', description: 'Indices that are old enough and are still there.' },
    indices: { type: 'list', description: 'The names of up to 100 that were deleted.' },
    skipped: { type: 'list', description: 'Up to 100 that are old enough and must not be deleted: `{name, why}`.' },
  },
  example: {
    deleted: 2,
    freed_bytes: 2_097_152,
    remaining: 1,
    indices: ['app-logs-2026.08.01', 'app-logs-2026.08.02'],
    skipped: [{ name: 'app-logs-write', why: 'the alias app-logs writes to it' }],
  },
  effect: () => 'destructive',
  inDoubt: 'repeat',

  async plan(params, { connection, clock, signal }) {
    const { expression } = parseIndexPattern(params.match);
    const selection: Selection = { match: expression, olderThanMs: params.older_than, keepAtLeast: params.keep_at_least };
    const { old } = await findOld(connection, selection, clock.now(), signal);
    const planned: ListedIndex[] = [];
    const skipped: SkippedIndex[] = [];
    for (const index of old) {
      if (planned.length >= params.limit) break;
      const why = await whyKept(connection, index, signal);
      if (why !== undefined) skipped.push({ name: index.name, why });
      else {
        requireDeletable(connection, index.name);
        planned.push(index);
      }
    }
    const bytes = planned.reduce((sum, index) => sum + index.bytes, 0);
    return {
      summary: `delete ${planned.length} of ${old.length} indices ${expression} of "${connection.name}" older than ${formatDuration(params.older_than)}, ${bytes} bytes`,
      identity: {
        connection: connection.name,
        match: expression,
        older_than_ms: params.older_than,
        keep_at_least: params.keep_at_least,
        limit: params.limit,
      },
      touches: [`http:${connection.name}`],
      count: planned.length,
      data: {
        selection,
        indices: planned.map(({ name, uuid, createdAt }): PlannedIndex => ({ name, uuid, createdAt })),
        skipped: skipped.slice(0, MAX_NAMES),
      },
    };
  },

  async run({ data }, { connection, clock, signal }) {
    // Found anew: others may have deleted newer ones since, and then these are among those that stay.
    const { old, written } = await findOld(connection, data.selection, clock.now(), signal);
    const planned = new Map(data.indices.map((index) => [index.name, index]));
    const skipped: SkippedIndex[] = [...written, ...data.skipped];
    const deleted: ListedIndex[] = [];
    let gone = 0;
    try {
      for (const index of old.filter((each) => isSameIndex(each, planned.get(each.name)))) {
        const why = await whyKept(connection, index, signal);
        if (why !== undefined) skipped.push({ name: index.name, why });
        else if (await deleteIndex(connection, index.name, signal)) deleted.push(index);
        else gone += 1;
      }
    } catch (error) {
      throw deleted.length > 0 && error instanceof StepError ? afterDeleting(deleted.length, error) : error;
    }
    return {
      deleted: deleted.length,
      freed_bytes: deleted.reduce((sum, { bytes }) => sum + bytes, 0),
      remaining: old.length + written.length - deleted.length - gone,
      indices: deleted.slice(0, MAX_NAMES).map(({ name }) => name),
      skipped: skipped.slice(0, MAX_NAMES),
    };
  },
});

function isSameIndex(a: ListedIndex, b: PlannedIndex | undefined): boolean {
  return a.uuid === b?.uuid && a.createdAt === b.createdAt;
}

interface Found {
  /** The oldest first. */
  readonly old: readonly ListedIndex[];
  /** Old ones that an alias writes to. */
  readonly written: readonly SkippedIndex[];
}

async function findOld(connection: HttpConnection, selection: Selection, now: number, signal: AbortSignal): Promise<Found> {
  const { match, olderThanMs, keepAtLeast } = selection;
  const found = await listIndices(connection, parseIndexPattern(match), signal);
  const old = found
    .slice(keepAtLeast)
    .filter(({ createdAt }) => createdAt < now - olderThanMs)
    .reverse();
  if (old.length === 0) return { old, written: [] };
  const writeIndices = await listWriteIndices(connection, signal);
  return {
    old: old.filter(({ name }) => !writeIndices.has(name)),
    written: old.filter(({ name }) => writeIndices.has(name)).map(({ name }) => ({ name, why: 'an alias writes to it' })),
  };
}

/** What went wrong after some were deleted: then something has happened, whatever the last request did. */
function afterDeleting(count: number, { code, message, cause }: StepError): StepError {
  return new StepError(code, `${message}; ${count} indices were deleted before`, { happened: 'unknown', cause });
}
