import { Socket } from 'node:net';
import { Client, type QueryResult } from 'pg';
import { z } from 'zod';
import { StepError, type StepContext } from '../../domain/remediation.ts';
import { createStopError } from '../stop-error.ts';
import { cancelStatement } from './cancel-statement.ts';
import { connectError, statementError } from './postgres-error.ts';

/** The name our sessions carry in `pg_stat_activity`. */
export const APPLICATION_NAME = 'remedyd';

const LONGEST_CONNECT_MS = 10_000;
const LONGEST_END_MS = 1_000;
const LARGEST_SETTING = 2 ** 31 - 1;
/** More is held in memory for no statement. The client has no such bound, so what has come is looked at now and then. */
const MOST_ANSWER_BYTES = 64 * 2 ** 20;
const LOOK_EVERY_MS = 50;

const BEGINNINGS = {
  read_only: { first: 'BEGIN READ ONLY', set: 'SET LOCAL' },
  read_write: { first: 'BEGIN READ WRITE', set: 'SET LOCAL' },
  autocommit: { first: 'SET default_transaction_read_only = off', set: 'SET' },
} as const;

/** What a session may be used for within `timeoutMs` and until the signal aborts. */
export type SessionContext = Pick<StepContext<'postgres'>, 'connection' | 'signal' | 'timeoutMs' | 'clock'>;

/**
 * How a session's statements run: in a transaction that may not write; in one that is committed when the work succeeds, and
 * rolled back when it does not; or each for itself, as VACUUM and REINDEX CONCURRENTLY ask for.
 */
export type SessionMode = 'read_only' | 'read_write' | 'autocommit';

export interface SessionOptions {
  /** `read_only` unless given. `autocommit` needs the server itself or a pooler that pools by session. */
  readonly mode?: SessionMode;
  /** How long a statement may wait for a lock, in which others queue up behind it; all of the step's time unless given. */
  readonly lockTimeoutMs?: number;
}

/** One PostgreSQL session of a remediation. Rows are parsed by the given schema; every failure is a `StepError`. */
export class PostgresSession {
  readonly #client: Client;
  readonly #name: string;
  readonly #mode: SessionMode;
  readonly #socket: Socket;
  #happened: 'nothing' | 'unknown' = 'nothing';
  #bytesBefore = 0;
  #isFlooded = false;

  constructor(client: Client, socket: Socket, name: string, mode: SessionMode) {
    this.#client = client;
    this.#socket = socket;
    this.#name = name;
    this.#mode = mode;
  }

  /** Ends the session when one statement has been answered with more than 64 MiB. */
  endWhenFlooded(): void {
    this.#isFlooded ||= this.#socket.bytesRead - this.#bytesBefore > MOST_ANSWER_BYTES;
    if (this.#isFlooded) this.#socket.destroy();
  }

  /** What is certain about the target at this moment. */
  get happened(): 'nothing' | 'unknown' {
    return this.#happened;
  }

  /** Runs a statement that changes nothing. */
  async read<T extends z.ZodType>(row: T, text: string, values: readonly unknown[] = []): Promise<z.infer<T>[]> {
    const { rows } = await this.#query(text, values);
    const parsed = z.array(row).safeParse(rows);
    if (parsed.success) return parsed.data;
    throw new StepError('invalid_response', `PostgreSQL "${this.#name}": unexpected answer: ${firstIssue(parsed.error)}`, {
      happened: this.#happened,
    });
  }

  /** Runs a statement that acts: from here on, a failure leaves open what has happened, unless a rollback undoes it. */
  change<T extends z.ZodType>(row: T, text: string, values: readonly unknown[] = []): Promise<z.infer<T>[]> {
    if (this.#mode !== 'read_write') this.#happened = 'unknown';
    return this.read(row, text, values);
  }

  /** As `change`; returns how many rows the statement has changed or found. */
  async changeRows(text: string, values: readonly unknown[] = []): Promise<number> {
    if (this.#mode !== 'read_write') this.#happened = 'unknown';
    return (await this.#query(text, values)).rowCount ?? 0;
  }

  /** Makes what a `read_write` session has done last: until then nothing has happened. */
  async commit(): Promise<void> {
    this.#happened = 'unknown';
    await this.#query('COMMIT', []);
  }

  async #query(text: string, values: readonly unknown[]): Promise<QueryResult<Record<string, unknown>>> {
    this.#bytesBefore = this.#socket.bytesRead;
    try {
      return await this.#client.query<Record<string, unknown>>(text, [...values]);
    } catch (error) {
      if (this.#isFlooded) {
        const message = `PostgreSQL "${this.#name}": one statement was answered with more than ${MOST_ANSWER_BYTES / 2 ** 20} MiB`;
        throw new StepError('invalid_response', message, { happened: this.#happened });
      }
      throw statementError(error, this.#name, this.#happened);
    }
  }
}

/**
 * Opens a session, lends it to `use`, and closes it whatever happens. When the signal aborts, the running statement is
 * cancelled in the server and the socket destroyed before this rejects; the server's own `statement_timeout` is the second
 * line, for the case that the cancellation does not get through.
 */
export async function withPostgresSession<T>(
  context: SessionContext,
  use: (session: PostgresSession) => Promise<T>,
  options: SessionOptions = {},
): Promise<T> {
  const { mode = 'read_only' } = options;
  const { name } = context.connection;
  const stopError = (happened: 'nothing' | 'unknown'): StepError =>
    createStopError(context.signal, `PostgreSQL "${name}": the step`, happened);
  const isStopped = (): boolean => context.signal.aborted;
  if (isStopped()) throw stopError('nothing');
  const socket = new Socket();
  const client = createClient(context, socket);
  const session = new PostgresSession(client, socket, name, mode);
  // A connection that breaks while nothing is asked of it is reported by the next query.
  client.on('error', () => undefined);

  const stopped = Promise.withResolvers<never>();
  const stop = async (): Promise<void> => {
    await cancelStatement(client);
    socket.destroy();
    stopped.reject(stopError(session.happened));
  };
  const onAbort = (): void => void stop();
  context.signal.addEventListener('abort', onAbort, { once: true });
  const looks = setInterval(() => session.endWhenFlooded(), LOOK_EVERY_MS);

  const work = async (): Promise<T> => {
    await begin(client, context, options);
    try {
      const result = await use(session);
      if (mode === 'read_write') await session.commit();
      return result;
    } finally {
      await end(client, socket, mode);
    }
  };
  try {
    return await Promise.race([work(), stopped.promise]);
  } catch (error) {
    // The cancelled statement may fail before the cancellation is through; the reason is the abort all the same.
    if (isStopped()) return await stopped.promise;
    throw error;
  } finally {
    clearInterval(looks);
    context.signal.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}

/** A client for the connection's URL, not connected yet. Fails with `invalid_value` when it is no URL of PostgreSQL. */
export function createClient(context: Pick<SessionContext, 'connection' | 'timeoutMs'>, socket?: Socket): Client {
  try {
    return new Client({
      connectionString: context.connection.url.reveal(),
      connectionTimeoutMillis: Math.min(Math.max(Math.floor(context.timeoutMs), 1), LONGEST_CONNECT_MS),
      application_name: APPLICATION_NAME,
      ...(socket === undefined ? {} : { stream: () => socket }),
    });
  } catch {
    // The parser's error holds the URL, so it is no cause to pass on.
    throw new StepError('invalid_value', `PostgreSQL "${context.connection.name}": its url is not a PostgreSQL URL`, {
      happened: 'nothing',
    });
  }
}

/**
 * Connects and pins what the URL, the role or the database could have set otherwise, such as a read-only default. Where it
 * can be, it is a transaction, so that behind a pooler the settings stay ours; a read-only one still lets signals be sent.
 */
async function begin(client: Client, context: SessionContext, options: SessionOptions): Promise<void> {
  const startedAt = context.clock.monotonic();
  try {
    await client.connect();
  } catch (error) {
    throw connectError(error, context.connection.name);
  }
  const leftMs = context.timeoutMs - (context.clock.monotonic() - startedAt);
  const limitMs = Math.min(Math.max(Math.ceil(leftMs), 1), LARGEST_SETTING);
  const lockLimitMs = Math.min(Math.max(Math.ceil(options.lockTimeoutMs ?? limitMs), 1), limitMs);
  const { first, set } = BEGINNINGS[options.mode ?? 'read_only'];
  try {
    await client.query(
      `${first}; ${set} statement_timeout = ${limitMs}; ${set} lock_timeout = ${lockLimitMs};
       ${set} application_name = '${APPLICATION_NAME}'; ${set} search_path = pg_catalog;
       ${set} TimeZone = 'UTC'; ${set} DateStyle = 'ISO'`,
    );
  } catch (error) {
    throw statementError(error, context.connection.name, 'nothing');
  }
}

/** Takes leave of the server, within a bound. A transaction that was not committed is rolled back. */
async function end(client: Client, socket: Socket, mode: SessionMode): Promise<void> {
  const timer = setTimeout(() => socket.destroy(), LONGEST_END_MS);
  try {
    if (mode !== 'autocommit') await client.query('ROLLBACK');
    await client.end();
  } catch {
    // The session is over either way, and the server rolls back what was not committed.
  } finally {
    clearTimeout(timer);
  }
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue === undefined ? 'unreadable' : `${issue.path.join('.')}: ${issue.message}`;
}
