import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import type { Row } from '../column.ts';
import type { Statement } from '../statement.ts';
import type { Batch, BatchResult } from './batch.ts';
import { SchemaError } from './schema-error.ts';
import { StoreGoneError } from './store-gone-error.ts';

/** Marks a SQLite file as a store of remedyd: `rmdy`. */
export const APPLICATION_ID = 0x726d6479;
const MEMORY = ':memory:';
/** Bounds the memory of statements whose text depends on a filter. */
const STATEMENTS_KEPT = 300;

export interface DatabaseOptions {
  /** A file that exists, or `:memory:`. */
  readonly path: string;
  readonly readOnly: boolean;
  readonly busyTimeoutMs: number;
  /** Waits before each commit, to stand in for a slow disk in measurements. */
  readonly commitDelayMs: number;
  /** The statements of each migration, oldest first. */
  readonly migrations: readonly (readonly string[])[];
}

/** One connection of `node:sqlite`, in whichever thread it is made. Everything blocks. */
export class Database {
  readonly #options: DatabaseOptions;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, { readonly statement: StatementSync; readonly reads: boolean }>();
  readonly #inode: number | undefined;

  /** Opens it and brings its schema up to date. Throws SQLite's errors and `SchemaError`; nothing is written to a foreign file. */
  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#database = new DatabaseSync(options.path, { timeout: options.busyTimeoutMs, readOnly: options.readOnly });
    this.#inode = inodeOf(options.path);
    try {
      if (!options.readOnly) this.#prepare();
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  execute({ mode, statements, commit }: Batch): BatchResult {
    try {
      if (mode === 'begin') this.#run('begin immediate');
      if (mode === 'snapshot') this.#run('begin');
      if (mode === 'continue' && !this.#database.isTransaction) throw new StoreGoneError('the transaction is not open any more');
      const results = statements.map((statement) => this.#execute(statement));
      if (mode === 'snapshot') this.#run('commit');
      return { results, commitSeconds: commit ? this.#commit() : undefined };
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  /** SQLite itself rolls back after some errors, a full disk among them; a second rollback would hide the error behind its own. */
  rollback(): void {
    if (this.#database.isTransaction) this.#run('rollback');
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #prepare(): void {
    const version = this.#readVersion();
    this.#database.exec(
      'pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = off; pragma temp_store = memory;',
    );
    // Bounds the log after a burst; 4000 pages (16 MB) between checkpoints halve their share of the hot path.
    this.#database.exec('pragma wal_autocheckpoint = 4000; pragma journal_size_limit = 67108864;');
    const missing = this.#options.migrations.slice(version);
    if (missing.length === 0) return;
    this.#database.exec('begin immediate');
    try {
      for (const statement of missing.flat()) this.#database.exec(statement);
      this.#database.exec(`pragma application_id = ${APPLICATION_ID}; pragma user_version = ${this.#options.migrations.length}`);
      this.#database.exec('commit');
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  #readVersion(): number {
    const applicationId = this.#readNumber('pragma application_id');
    const version = this.#readNumber('pragma user_version');
    const tables = this.#readNumber('select count(*) from sqlite_schema');
    const isNew = applicationId === 0 && version === 0 && tables === 0;
    if (!isNew && applicationId !== APPLICATION_ID) throw new SchemaError('it is a database of another program');
    const known = this.#options.migrations.length;
    if (version > known) {
      throw new SchemaError(
        `a newer remedyd wrote it (schema ${version}, this one knows up to ${known}): use that version, or a backup`,
      );
    }
    return version;
  }

  #readNumber(sql: string): number {
    const [row] = this.#execute({ sql, rows: [[]] });
    const cell = row?.[0];
    return typeof cell === 'number' ? cell : 0;
  }

  #execute({ sql, rows }: Statement): readonly Row[] {
    const { statement, reads } = this.#statement(sql);
    // With `setReturnArrays` rows are arrays of cells, which the types of Node do not say.
    if (reads) return statement.all(...(rows[0] ?? [])) as unknown as readonly Row[];
    let changes = 0;
    for (const row of rows) changes += Number(statement.run(...row).changes);
    return [[changes]];
  }

  #run(sql: string): void {
    this.#statement(sql).statement.run();
  }

  #commit(): number {
    if (this.#inode !== inodeOf(this.#options.path)) throw new StoreGoneError('its file was removed or replaced');
    const startedAt = performance.now();
    if (this.#options.commitDelayMs > 0)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, this.#options.commitDelayMs);
    this.#run('commit');
    return (performance.now() - startedAt) / 1000;
  }

  #statement(sql: string): { readonly statement: StatementSync; readonly reads: boolean } {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    const reads = statement.columns().length > 0;
    if (reads) statement.setReturnArrays(true);
    const [oldest] = this.#statements.keys();
    if (this.#statements.size >= STATEMENTS_KEPT && oldest !== undefined) this.#statements.delete(oldest);
    this.#statements.set(sql, { statement, reads });
    return { statement, reads };
  }
}

function inodeOf(path: string): number | undefined {
  return path === MEMORY ? undefined : statSync(path, { throwIfNoEntry: false })?.ino;
}
