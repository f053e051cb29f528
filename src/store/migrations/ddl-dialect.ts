/** Where the backends' table definitions differ. */
export interface DdlDialect {
  /** The type of a 64-bit whole number. */
  readonly integer: string;
  /** The column of a table without a key of its own: counts up in the order of writing. */
  readonly position: string;
  /** What follows the columns of a table. */
  readonly table: string;
  /** The same for tables of small rows that are only found by their primary key. */
  readonly keyedTable: string;
  /** The statements that make the database refuse to change or delete rows of a table. */
  readonly appendOnly: (table: string) => readonly string[];
}
