import type { Approval } from '../../domain/state.ts';
import { approvals } from '../rows.ts';
import { prepareQuery } from './prepared-query.ts';
import type { PreparedQuery } from './prepared-query.ts';
import type { StoreDialect } from './store-dialect.ts';

/** Questions to people, in the order in which they were asked. */
export interface ApprovalQueries {
  readonly byId: PreparedQuery<{ readonly id: string }, Approval>;
  readonly ofRuns: PreparedQuery<{ readonly runIds: readonly string[] }, Approval>;
  readonly ofIncident: PreparedQuery<{ readonly incidentId: string }, Approval>;
}

export function createApprovalQueries({ builder, texts }: StoreDialect): ApprovalQueries {
  const all = builder.selectFrom('approval').select(approvals.columns);
  const inOrder = all.orderBy('asked_at').orderBy('id');
  return {
    byId: prepareQuery({ id: 'text' }, ({ id }) => all.where('id', '=', id), approvals.decode),
    ofRuns: prepareQuery({ runIds: 'texts' }, ({ runIds }) => inOrder.where('run_id', 'in', texts(runIds)), approvals.decode),
    ofIncident: prepareQuery(
      { incidentId: 'text' },
      ({ incidentId }) => inOrder.where('incident_id', '=', incidentId),
      approvals.decode,
    ),
  };
}
