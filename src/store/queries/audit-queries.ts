import { sql } from 'kysely';
import type { StoredAuditEntry } from '../../domain/state.ts';
import type { AuditLink } from '../audit-chain.ts';
import { cellAt, integer, text } from '../column.ts';
import type { Row } from '../column.ts';
import { auditEntries, auditRows } from '../rows.ts';
import { prepareQuery } from './prepared-query.ts';
import type { PreparedQuery } from './prepared-query.ts';
import type { StoreDialect } from './store-dialect.ts';

/** Who did what, and which requests were taken. */
export interface AuditQueries {
  /** The hash of the last entry. */
  readonly head: PreparedQuery<object, string>;
  /** The newest first. */
  readonly trail: PreparedQuery<{ readonly before: number; readonly limit: number }, StoredAuditEntry>;
  readonly links: PreparedQuery<{ readonly after: number; readonly limit: number }, AuditLink>;
  /** The last position that was ever given out. */
  readonly end: PreparedQuery<object, number>;
  readonly takenRequests: PreparedQuery<{ readonly ids: readonly string[] }, string>;
}

export function createAuditQueries({ builder, texts, lastPosition, compile }: StoreDialect): AuditQueries {
  return {
    head: prepareQuery(
      {},
      () =>
        builder
          .selectFrom('audit')
          .select('hash')
          .where('position', '=', (eb) => eb.selectFrom('audit').select((inner) => inner.fn.max('position').as('last'))),
      (row) => text.decode(cellAt(row, 0)),
    ),
    trail: prepareQuery(
      { before: 'integer', limit: 'integer' },
      ({ before, limit }) =>
        builder
          .selectFrom('audit')
          .select(['position', ...auditRows.columns])
          .where('position', '<', before)
          .orderBy('position', 'desc')
          .limit(limit),
      (row) => ({ position: integer.decode(cellAt(row, 0)), ...auditRows.decode(row, 1) }),
    ),
    links: prepareQuery(
      { after: 'integer', limit: 'integer' },
      ({ after, limit }) =>
        builder
          .selectFrom('audit')
          .select([
            asReal('position'),
            'hash',
            ...auditEntries.columns.map((column) => (isInteger(column) ? asReal(column) : column)),
          ])
          .where('position', '>', after)
          .orderBy('audit.position')
          .limit(limit),
      decodeLink,
    ),
    end: prepareQuery(
      {},
      () => compile(sql`select ${lastPosition('audit')} * 1.0`),
      (row) => integer.decode(cellAt(row, 0)),
    ),
    takenRequests: prepareQuery(
      { ids: 'texts' },
      ({ ids }) => builder.selectFrom('request').select('id').where('id', 'in', texts(ids)),
      (row) => text.decode(cellAt(row, 0)),
    ),
  };
}

// Whole numbers that JavaScript has not would be an error of the read, and not an entry that was changed.
function asReal<const C extends 'position' | 'at' | 'ok'>(column: C) {
  return sql<number>`${sql.ref(column)} * 1.0`.as(column);
}

function isInteger(column: string): column is 'at' | 'ok' {
  return column === 'at' || column === 'ok';
}

function decodeLink(row: Row): AuditLink {
  return { position: integer.decode(cellAt(row, 0)), hash: text.decode(cellAt(row, 1)), cells: row.slice(2) };
}
