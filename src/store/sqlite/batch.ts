import type { Row } from '../column.ts';
import type { Statement } from '../statement.ts';

/**
 * What goes to the database in one message, because each message costs tens of microseconds. `begin` opens a transaction before
 * the statements, `commit` ends it after them; `continue` fails where no transaction is open, so that the rest of a transaction
 * that was rolled back, or lost with its worker, cannot slip in on its own. `snapshot` is for reads outside of transactions: all its
 * statements see the same state.
 */
export interface Batch {
  readonly mode: 'begin' | 'continue' | 'snapshot';
  readonly statements: readonly Statement[];
  readonly commit: boolean;
}

export interface BatchResult {
  /** For each statement the rows of a query, or of a write one row with the number of rows changed. */
  readonly results: readonly (readonly Row[])[];
  /** How long the commit took, when there was one. */
  readonly commitSeconds: number | undefined;
}

/** A connection to one database. Batches run one after the other, in the order of the calls. */
export interface Connection {
  execute(batch: Batch): Promise<BatchResult>;
  /** Ends the open transaction, if there is one, without its writes. */
  rollback(): Promise<void>;
  close(): Promise<void>;
}
