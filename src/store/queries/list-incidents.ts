import { sql } from 'kysely';
import type { Incident } from '../../domain/state.ts';
import type { IncidentFilter } from '../../domain/store.ts';
import { cellAt, integer, text } from '../column.ts';
import { incidents } from '../rows.ts';
import { bind, prepareQuery } from './prepared-query.ts';
import type { BoundQuery } from './prepared-query.ts';
import type { StoreDialect } from './store-dialect.ts';

/** The newest first. One more than `limit`, so that the caller sees whether there is another page. Throws a `RangeError` for a foreign cursor. */
export function listIncidents({ builder }: StoreDialect, filter: IncidentFilter): BoundQuery<Incident> {
  const after = filter.cursor === undefined ? undefined : parseCursor(filter.cursor);
  const query = prepareQuery(
    { status: 'text', rule: 'text', startedAt: 'integer', id: 'text', limit: 'integer' },
    (parameters) => {
      let list = builder.selectFrom('incident').select(incidents.columns);
      if (filter.status === 'open') list = list.where('status', '<>', sql.lit('resolved'));
      else if (filter.status !== undefined) list = list.where('status', '=', sql.lit(filter.status));
      if (filter.rule !== undefined) list = list.where('rule', '=', parameters.rule);
      if (after !== undefined)
        list = list.where(sql<boolean>`("started_at", "id") < (${parameters.startedAt}, ${parameters.id})`);
      return list.orderBy('started_at', 'desc').orderBy('id', 'desc').limit(parameters.limit);
    },
    incidents.decode,
  );
  return bind(query, {
    status: filter.status ?? '',
    rule: filter.rule ?? '',
    startedAt: after?.startedAt ?? 0,
    id: after?.id ?? '',
    limit: filter.limit + 1,
  });
}

/** Where the page after this incident begins. */
export function formatCursor({ startedAt, id }: Incident): string {
  return Buffer.from(JSON.stringify([startedAt, id])).toString('base64url');
}

function parseCursor(cursor: string): { readonly startedAt: number; readonly id: string } {
  try {
    const cells: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (!Array.isArray(cells)) throw new TypeError('not a list');
    return { startedAt: integer.decode(cellAt(cells, 0)), id: text.decode(cellAt(cells, 1)) };
  } catch (cause) {
    throw new RangeError('unknown cursor: give back the nextCursor of the page before, as it was', { cause });
  }
}
