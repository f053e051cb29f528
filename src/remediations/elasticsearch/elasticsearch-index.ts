import { z } from 'zod';
import type { HttpConnection } from '../../domain/connection.ts';
import type { Json, JsonObject } from '../../domain/json.ts';
import { StepError } from '../../domain/remediation.ts';
import { callApi, parseAnswer, type ApiAnswer } from '../requests/call-api.ts';
import { resolveUrl } from '../requests/resolve-url.ts';
import type { IndexPattern } from './index-pattern.ts';

/** An index as Elasticsearch lists it. */
export interface ListedIndex {
  readonly name: string;
  readonly uuid: string;
  /** Epoch ms. */
  readonly createdAt: number;
  /** Of all its shards, with replicas; 0 while it is closed. */
  readonly bytes: number;
  readonly documents: number;
}

const count = z
  .string()
  .nullable()
  .transform((text) => (text === null || text === '' ? 0 : Number(text)))
  .pipe(z.number().min(0));
// All values are texts: https://www.elastic.co/guide/en/elasticsearch/reference/current/cat-indices.html
const catIndices = z.array(
  z.object({
    index: z.string(),
    uuid: z.string().min(1),
    'creation.date': z.string().regex(/^\d+$/),
    'store.size': count,
    'docs.count': count,
  }),
);
const catAliases = z.array(z.object({ alias: z.string(), index: z.string(), is_write_index: z.string() }));
const indexAnswer = z.record(
  z.string(),
  z.object({
    aliases: z.record(z.string(), z.object({ is_write_index: z.boolean().optional() })).default({}),
    settings: z.object({ index: z.object({ uuid: z.string(), creation_date: z.string() }) }),
    data_stream: z.string().optional(),
  }),
);

/** The indices that match, the newest first. Without those of data streams and of the system, whose names begin with a dot. */
export async function listIndices(
  connection: HttpConnection,
  pattern: IndexPattern,
  signal: AbortSignal,
): Promise<readonly ListedIndex[]> {
  const query = {
    format: 'json',
    h: 'index,uuid,creation.date,store.size,docs.count',
    bytes: 'b',
    expand_wildcards: 'open,closed',
  };
  const answer = await call(connection, 'GET', `/_cat/indices/${pattern.expression}`, query, signal, [404]);
  if (answer.status === 404) return [];
  return parseAnswer(catIndices, answer)
    .filter(({ index }) => pattern.matches(index))
    .map((row) => ({
      name: row.index,
      uuid: row.uuid,
      createdAt: Number(row['creation.date']),
      bytes: row['store.size'],
      documents: row['docs.count'],
    }))
    .sort((a, b) => b.createdAt - a.createdAt || (a.name < b.name ? 1 : -1));
}

/**
 * The names of the indices that some alias writes to. The only index of an alias is that, unless it is said not to be:
 * https://www.elastic.co/guide/en/elasticsearch/reference/current/aliases.html#write-index
 */
export async function listWriteIndices(connection: HttpConnection, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const query = { format: 'json', h: 'alias,index,is_write_index', expand_wildcards: 'all' };
  const rows = parseAnswer(catAliases, await call(connection, 'GET', '/_cat/aliases', query, signal));
  const members = new Map<string, number>();
  for (const { alias } of rows) members.set(alias, (members.get(alias) ?? 0) + 1);
  const written = rows.filter(
    ({ alias, is_write_index: flag }) => flag === 'true' || (flag !== 'false' && members.get(alias) === 1),
  );
  return new Set(written.map(({ index }) => index));
}

/** Why an index must not be deleted now; `undefined` when it is the listed one and nothing speaks for it. */
export async function whyKept(
  connection: HttpConnection,
  { name, uuid, createdAt }: Pick<ListedIndex, 'name' | 'uuid' | 'createdAt'>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const answer = await call(connection, 'GET', `/${name}`, {}, signal, [404]);
  if (answer.status === 404) return 'it is gone';
  const found = parseAnswer(indexAnswer, answer)[name];
  if (found === undefined) return 'the name is that of an alias';
  if (found.settings.index.uuid !== uuid || found.settings.index.creation_date !== String(createdAt)) return 'it was made anew';
  if (found.data_stream !== undefined) return `it belongs to the data stream ${found.data_stream}`;
  const writing = Object.entries(found.aliases).find(([, alias]) => alias.is_write_index === true);
  return writing === undefined ? undefined : `the alias ${writing[0]} writes to it`;
}

/** Refuses (`not_allowed`) what the connection does not allow to delete. */
export function requireDeletable(connection: HttpConnection, name: string): void {
  resolveUrl(connection, 'DELETE', `/${name}`, {});
}

/** Deletes one index by its exact name. Whether there was one; fails with `unknown_outcome` when not all nodes acknowledged it. */
export async function deleteIndex(connection: HttpConnection, name: string, signal: AbortSignal): Promise<boolean> {
  // Whatever the name is, it is no pattern to the server.
  const answer = await call(connection, 'DELETE', `/${name}`, { expand_wildcards: 'none' }, signal, [404]);
  if (answer.status === 404) return false;
  if (parseAnswer(z.object({ acknowledged: z.boolean() }), answer, 'unknown').acknowledged) return true;
  const message = `the deletion of the index ${name} was not acknowledged in time by all nodes: it may still go on`;
  throw new StepError('unknown_outcome', message, { happened: 'unknown' });
}

function call(
  connection: HttpConnection,
  method: 'GET' | 'DELETE',
  path: string,
  query: JsonObject,
  signal: AbortSignal,
  reads: readonly number[] = [],
): Promise<ApiAnswer> {
  const url = resolveUrl(connection, method, path, query);
  return callApi({ method, url, credentials: connection, isChange: method !== 'GET', reads, explain: explainError }, signal);
}

const errorAnswer = z.object({ error: z.object({ type: z.string(), reason: z.string() }) });

function explainError(json: Json): string | undefined {
  const parsed = errorAnswer.safeParse(json);
  return parsed.success ? parsed.data.error.reason : undefined;
}
