import type { Claim } from '../../domain/state.ts';
import { claims } from '../rows.ts';
import { prepareQuery } from './prepared-query.ts';
import type { PreparedQuery } from './prepared-query.ts';
import type { StoreDialect } from './store-dialect.ts';

/** Which run holds which target and touches. */
export interface ClaimQueries {
  readonly byKey: PreparedQuery<{ readonly keys: readonly string[] }, Claim>;
  readonly ofRuns: PreparedQuery<{ readonly runIds: readonly string[] }, Claim>;
  readonly release: PreparedQuery<{ readonly keys: readonly string[] }, undefined>;
}

export function createClaimQueries({ builder, texts }: StoreDialect): ClaimQueries {
  return {
    byKey: prepareQuery(
      { keys: 'texts' },
      ({ keys }) => builder.selectFrom('claim').select(claims.columns).where('key', 'in', texts(keys)),
      claims.decode,
    ),
    ofRuns: prepareQuery(
      { runIds: 'texts' },
      ({ runIds }) => builder.selectFrom('claim').select(claims.columns).where('run_id', 'in', texts(runIds)),
      claims.decode,
    ),
    release: prepareQuery(
      { keys: 'texts' },
      ({ keys }) => builder.deleteFrom('claim').where('key', 'in', texts(keys)),
      () => undefined,
    ),
  };
}
