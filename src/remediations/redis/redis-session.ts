import type { Redis } from 'ioredis';
import { StepError, type StepContext } from '../../domain/remediation.ts';
import { createStopError, isStopped } from '../stop-error.ts';
import { parseRedisAddress, type RedisAddress } from './redis-address.ts';
import { commandError, connectError, isErrorReply, signInError } from './redis-error.ts';

const LONGEST_CONNECT_MS = 10_000;
const DISCONNECT_MS = 100;
/** More is held in memory for no command: names of keys, of which a page has up to thousands, may have half a gigabyte each. */
const MOST_ANSWER_BYTES = 64 * 2 ** 20;

/** What a session may be used for within `timeoutMs` and until the signal aborts. */
export type SessionContext = Pick<StepContext<'redis'>, 'connection' | 'signal' | 'timeoutMs'>;

/** One Redis connection of a remediation, in the database of its URL. Every failure is a `StepError`. */
export class RedisSession {
  readonly database: number;
  readonly #client: Redis;
  readonly #name: string;
  #happened: 'nothing' | 'unknown' = 'nothing';
  #answerBytes = 0;

  constructor(client: Redis, name: string, database: number) {
    this.#client = client;
    this.#name = name;
    this.database = database;
  }

  /** What is certain about the target at this moment. */
  get happened(): 'nothing' | 'unknown' {
    return this.#happened;
  }

  /** Ends the connection, once it stands, when one command is answered with more than 64 MiB. */
  limitAnswers(): void {
    const { stream } = this.#client;
    stream.on('data', (chunk: Buffer) => {
      this.#answerBytes += chunk.length;
      if (this.#answerBytes > MOST_ANSWER_BYTES) stream.destroy();
    });
  }

  /** Sends a command that changes nothing. */
  async read<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    this.#answerBytes = 0;
    try {
      return await command(this.#client);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Sends a command that acts: from here on, a failure leaves open what has happened, unless the server refused the first one. */
  async change<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    const before = this.#happened;
    this.#happened = 'unknown';
    this.#answerBytes = 0;
    try {
      return await command(this.#client);
    } catch (error) {
      if (isErrorReply(error)) this.#happened = before;
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): StepError {
    if (this.#answerBytes <= MOST_ANSWER_BYTES) return commandError(error, this.#name, this.#happened);
    const message = `Redis "${this.#name}": one command was answered with more than ${MOST_ANSWER_BYTES / 2 ** 20} MiB: ask for less`;
    return new StepError('invalid_response', message, { happened: this.#happened });
  }
}

/** Opens a connection, lends it to `use`, and closes it whatever happens, at the latest when the signal aborts. */
export async function withRedisSession<T>(context: SessionContext, use: (session: RedisSession) => Promise<T>): Promise<T> {
  const { name, url } = context.connection;
  const stopError = (happened: 'nothing' | 'unknown'): StepError =>
    createStopError(context.signal, `Redis "${name}": the step`, happened);
  if (context.signal.aborted) throw stopError('nothing');
  const address = parseRedisAddress(url, name);
  const client = await createClient(address, context.timeoutMs);
  if (isStopped(context.signal)) throw stopError('nothing');
  const session = new RedisSession(client, name, address.database);

  const stopped = Promise.withResolvers<never>();
  const stop = (): void => {
    client.disconnect();
    stopped.reject(stopError(session.happened));
  };
  context.signal.addEventListener('abort', stop, { once: true });
  const work = async (): Promise<T> => {
    await connect(client, name);
    session.limitAnswers();
    await enter(client, address, name);
    return await use(session);
  };
  try {
    return await Promise.race([work(), stopped.promise]);
  } finally {
    context.signal.removeEventListener('abort', stop);
    client.disconnect();
  }
}

/**
 * Nothing is retried, resent or queued: a command that was sent twice would count twice. The client neither signs in nor
 * selects the database: it takes a refused SELECT for a warning and goes on in database 0.
 */
async function createClient(address: RedisAddress, timeoutMs: number): Promise<Redis> {
  // Imported when it is first needed: the daemon is ready sooner without it.
  const ioredis = await import('ioredis');
  return new ioredis.Redis({
    host: address.host,
    port: address.port,
    ...(address.tls ? { tls: {} } : {}),
    lazyConnect: true,
    protocol: 2,
    connectTimeout: Math.min(Math.max(Math.floor(timeoutMs), 1), LONGEST_CONNECT_MS),
    disconnectTimeout: DISCONNECT_MS,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    disableClientInfo: true,
  });
}

async function connect(client: Redis, name: string): Promise<void> {
  let reason: unknown;
  client.on('error', (error) => {
    reason ??= error;
  });
  try {
    await client.connect();
  } catch {
    // What connect() itself says is only that the connection is closed.
    throw connectError(reason, name);
  }
}

async function enter(client: Redis, address: RedisAddress, name: string): Promise<void> {
  try {
    if (address.username !== '') await client.auth(address.username, address.password);
    else if (address.password !== '') await client.auth(address.password);
    if (address.database !== 0) await client.select(address.database);
  } catch (error) {
    throw signInError(commandError(error, name, 'nothing'), address.password);
  }
}
