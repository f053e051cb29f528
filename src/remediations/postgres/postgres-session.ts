import { Socket } from 'node:net';
import { Client } from 'pg';
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

/** What a session may be used for within `timeoutMs` and until the signal aborts. */
export type SessionContext = Pick<StepContext<'postgres'>, 'connection' | 'signal' | 'timeoutMs' | 'clock'>;

/** One PostgreSQL session of a remediation. Rows are parsed by the given schema; every failure is a `StepError`. */
export class PostgresSession {
  readonly #client: Client;
  readonly #name: string;
  #happened: 'nothing' | 'unknown' = 'nothing';

  constructor(client: Client, name: string) {
    this.#client = client;
    this.#name = name;
  }

  /** What is certain about the target at this moment. */
  get happened(): 'nothing' | 'unknown' {
    return this.#happened;
  }

  /** Runs a statement that changes nothing. */
  async read<T extends z.ZodType>(row: T, text: string, values: readonly unknown[] = []): Promise<z.infer<T>[]> {
    const rows = await this.#query(text, values);
    const parsed = z.array(row).safeParse(rows);
    if (parsed.success) return parsed.data;
    throw new StepError('invalid_response', `PostgreSQL "${this.#name}": unexpected answer: ${firstIssue(parsed.error)}`, {
      happened: this.#happened,
    });
  }

  /** Runs a statement that acts: from here on, a failure leaves open what has happened. */
  change<T extends z.ZodType>(row: T, text: string, values: readonly unknown[]): Promise<z.infer<T>[]> {
    this.#happened = 'unknown';
    return this.read(row, text, values);
  }

  async #query(text: string, values: readonly unknown[]): Promise<unknown[]> {
    try {
      return (await this.#client.query<Record<string, unknown>>(text, [...values])).rows;
    } catch (error) {
      throw statementError(error, this.#name, this.#happened);
    }
  }
}

/**
 * Opens a session, lends it to `use`, and closes it whatever happens. When the signal aborts, the running statement is
 * cancelled in the server and the socket destroyed before this rejects; the server's own `statement_timeout` is the second
 * line, for the case that the cancellation does not get through.
 */
export async function withPostgresSession<T>(context: SessionContext, use: (session: PostgresSession) => Promise<T>): Promise<T> {
  const { name } = context.connection;
  const stopError = (happened: 'nothing' | 'unknown'): StepError =>
    createStopError(context.signal, `PostgreSQL "${name}": the step`, happened);
  const isStopped = (): boolean => context.signal.aborted;
  if (isStopped()) throw stopError('nothing');
  const socket = new Socket();
  const client = createClient(context, socket);
  const session = new PostgresSession(client, name);
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

  const work = async (): Promise<T> => {
    await begin(client, context);
    try {
      return await use(session);
    } finally {
      await end(client, socket);
    }
  };
  try {
    return await Promise.race([work(), stopped.promise]);
  } catch (error) {
    // The cancelled statement may fail before the cancellation is through; the reason is the abort all the same.
    if (isStopped()) return await stopped.promise;
    throw error;
  } finally {
    context.signal.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}

function createClient(context: SessionContext, socket: Socket): Client {
  try {
    return new Client({
      connectionString: context.connection.url.reveal(),
      connectionTimeoutMillis: Math.min(Math.max(Math.floor(context.timeoutMs), 1), LONGEST_CONNECT_MS),
      application_name: APPLICATION_NAME,
      stream: () => socket,
    });
  } catch {
    // The parser's error holds the URL, so it is no cause to pass on.
    throw new StepError('invalid_value', `PostgreSQL "${context.connection.name}": its url is not a PostgreSQL URL`, {
      happened: 'nothing',
    });
  }
}

/**
 * Connects and pins what the URL or the role could have set otherwise. It is a transaction, so that behind a pooler the
 * settings stay ours; read only, which still lets signals be sent.
 */
async function begin(client: Client, context: SessionContext): Promise<void> {
  const startedAt = context.clock.monotonic();
  try {
    await client.connect();
  } catch (error) {
    throw connectError(error, context.connection.name);
  }
  const leftMs = context.timeoutMs - (context.clock.monotonic() - startedAt);
  const limitMs = Math.min(Math.max(Math.ceil(leftMs), 1), LARGEST_SETTING);
  try {
    await client.query(
      `BEGIN READ ONLY; SET LOCAL statement_timeout = ${limitMs}; SET LOCAL lock_timeout = ${limitMs};
       SET LOCAL application_name = '${APPLICATION_NAME}'; SET LOCAL search_path = pg_catalog;
       SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'`,
    );
  } catch (error) {
    throw statementError(error, context.connection.name, 'nothing');
  }
}

/** Takes leave of the server, within a bound. */
async function end(client: Client, socket: Socket): Promise<void> {
  const timer = setTimeout(() => socket.destroy(), LONGEST_END_MS);
  try {
    await client.query('COMMIT');
    await client.end();
  } catch {
    // The transaction was read only, and the session is over either way.
  } finally {
    clearTimeout(timer);
  }
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue === undefined ? 'unreadable' : `${issue.path.join('.')}: ${issue.message}`;
}
