import { defineRemediation } from '../../domain/remediation.ts';
import { listIndices } from './elasticsearch-index.ts';
import { parseIndexPattern } from './index-pattern.ts';

const MAX_INDICES = 100;

/** Lists indices and their sizes. */
export const indices = defineRemediation({
  name: 'elasticsearch.indices',
  summary: 'Lists the indices whose names match, the newest first, with their ages and sizes.',
  notes: [
    'Least privilege: the cluster privilege `monitor` and the index privilege `monitor` on the names, and in `allow` of the connection `GET /_cat/indices/*`.',
    '`match` needs at least three characters before its first `*`. System indices and the backing indices of data streams, whose names begin with a dot, are never among them. Elasticsearch 7.7 and later, and OpenSearch.',
  ].join('\n\n'),
  connection: 'http',
  params: {
    match: { type: 'string', required: true, place: 'glob', description: 'Pattern for the names, with `*`: `app-logs-*`.' },
  },
  outputs: {
    indices: { type: 'list', description: 'Up to 100 of them: `{name, created_at, bytes, documents}`.' },
    count: { type: 'int', description: 'How many there are.' },
    bytes: { type: 'bytes', description: 'Their sizes together, with replicas; closed indices count nothing.' },
  },
  example: {
    indices: [{ name: 'app-logs-2026.11.21', created_at: '2026-11-21T00:00:00.000Z', bytes: 1_048_576, documents: 12_000 }],
    count: 1,
    bytes: 1_048_576,
  },
  effect: () => 'read',
  inDoubt: 'repeat',

  // The checks throw: async turns that into a rejection.
  async plan({ match }, { connection }) {
    const { expression } = parseIndexPattern(match);
    return Promise.resolve({
      summary: `list the indices ${expression} of "${connection.name}"`,
      identity: { connection: connection.name, match: expression },
      touches: [],
      data: { match: expression },
    });
  },

  async run({ data: { match } }, { connection, signal }) {
    const found = await listIndices(connection, parseIndexPattern(match), signal);
    return {
      indices: found.slice(0, MAX_INDICES).map(({ name, createdAt, bytes, documents }) => ({
        name,
        created_at: new Date(createdAt).toISOString(),
        bytes,
        documents,
      })),
      count: found.length,
      bytes: found.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  },
});
