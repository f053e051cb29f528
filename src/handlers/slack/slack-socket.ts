import type { Logger, LogLevel, SocketModeClient } from '@slack/socket-mode';
import type { Clock } from '../../domain/clock.ts';
import type { Secret } from '../../domain/secret.ts';
import type { SlackLog } from './slack-in-deps.ts';
import type { SlackIn } from './slack-in.ts';
import { parseCommand, parseInteraction, type SlackRequest } from './slack-request.ts';

const CALL_TIMEOUT_MS = 10_000;
/** How long a connection may take until Slack says hello on it. */
const CONNECT_TIMEOUT_MS = 30_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
/** A connection that ends sooner may be refused in this way: then the next one waits too. */
const STEADY_MS = 10_000;
/** Slack itself is away for less; after that somebody should look. */
const ERROR_AFTER_MS = 5 * 60_000;
/** How long Slack has to say goodbye. */
const CLOSE_MS = 1_000;
const MAX_FAULT = 300;

export interface SlackSocketDeps {
  readonly slackIn: Pick<SlackIn, 'answer'>;
  readonly appToken: Secret;
  /** Instead of Slack's own. */
  readonly apiUrl?: string;
  readonly clock: Clock;
  readonly log: SlackLog;
}

/** An envelope, as the client hands it on. */
interface Envelope {
  readonly type: string;
  readonly envelope_id: string;
  readonly body: unknown;
  readonly ack: (payload?: object) => Promise<void>;
}

/**
 * Keeps a Socket Mode connection to Slack, and answers what comes over it. A connection that cannot be made is tried
 * again for ever; nothing else waits for it. The client's own reconnecting is off: it gives up on network errors.
 */
export function startSlackSocket(deps: SlackSocketDeps): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const loop = keepConnected(deps, stopping.signal);
  return {
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };
}

async function keepConnected(deps: SlackSocketDeps, stop: AbortSignal): Promise<void> {
  const { clock, log } = deps;
  let failingSince: number | undefined;
  let isLoud = false;
  let retryMs = FIRST_RETRY_MS;
  let connectedAt = 0;
  const onConnected = (): void => {
    log.info({}, 'connected to Slack over Socket Mode');
    connectedAt = clock.monotonic();
    failingSince = undefined;
    isLoud = false;
  };
  while (!isAborted(stop)) {
    const error = await holdConnection(deps, onConnected, stop);
    if (isAborted(stop)) return;
    const now = clock.monotonic();
    if (error === undefined && now - connectedAt >= STEADY_MS) {
      retryMs = FIRST_RETRY_MS;
      continue;
    }
    if (error !== undefined) {
      const fields = { reason: error, retry_ms: retryMs };
      if (failingSince === undefined) log.warn(fields, 'no Socket Mode connection to Slack; it is tried again');
      failingSince ??= now;
      if (!isLoud && now - failingSince >= ERROR_AFTER_MS) {
        log.error(
          fields,
          'still no Socket Mode connection to Slack: nobody can act from there; see slack.app_token and the network',
        );
        isLoud = true;
      }
    }
    await clock.sleep(retryMs, stop).catch(() => undefined);
    retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
  }
}

/** A function, because the compiler takes a property for constant across an `await`. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** One connection from its beginning to its end. Gives why it could not be made; nothing when it was there and ended. */
async function holdConnection(deps: SlackSocketDeps, onConnected: () => void, stop: AbortSignal): Promise<string | undefined> {
  const client = await createClient(deps);
  const ended = Promise.withResolvers<undefined>();
  client.on('disconnected', () => ended.resolve(undefined));
  client.on('slack_event', (envelope: Envelope) => void take(envelope, deps));
  using patience = deps.clock.timeout(CONNECT_TIMEOUT_MS, stop);
  const tooLate = Promise.withResolvers<never>();
  patience.signal.addEventListener('abort', () => tooLate.reject(new Error('Slack does not say hello')), { once: true });
  const starting = client.start();
  try {
    await Promise.race([starting, tooLate.promise]);
  } catch (error) {
    void starting.then(
      () => close(client, deps.clock),
      () => undefined,
    );
    await close(client, deps.clock);
    return describeFault(error, deps.appToken);
  }
  onConnected();
  const stopped = Promise.withResolvers<undefined>();
  const onStop = (): void => stopped.resolve(undefined);
  if (stop.aborted) onStop();
  stop.addEventListener('abort', onStop, { once: true });
  await Promise.race([ended.promise, stopped.promise]);
  stop.removeEventListener('abort', onStop);
  if (stop.aborted) await close(client, deps.clock);
  return undefined;
}

/** What the client says, in so far as it may be shown: whatever answers in Slack's place may say the token, and addresses hold a ticket. */
function describeFault(error: unknown, appToken: Secret): string {
  if (!(error instanceof Error)) return 'the connection was closed before it was there';
  return error.message
    .replaceAll(appToken.reveal(), '[secret]')
    .replace(/\bwss?:\S+/gi, '[address]')
    .slice(0, MAX_FAULT);
}

/** Loaded when it is needed: only few daemons use Socket Mode. */
async function createClient({ appToken, apiUrl }: SlackSocketDeps): Promise<SocketModeClient> {
  const slack = await import('@slack/socket-mode');
  return new slack.SocketModeClient({
    appToken: appToken.reveal(),
    autoReconnectEnabled: false,
    logger: silentLogger(slack.LogLevel.ERROR),
    clientOptions: {
      retryConfig: { retries: 0 },
      timeout: CALL_TIMEOUT_MS,
      rejectRateLimitedCalls: true,
      ...(apiUrl === undefined ? {} : { slackApiUrl: apiUrl.endsWith('/') ? apiUrl : `${apiUrl}/` }),
    },
  });
}

/** What the client has to say is in its errors; its own log would show payloads. */
function silentLogger(level: LogLevel): Logger {
  const nothing = (): void => undefined;
  return {
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: nothing,
    setLevel: nothing,
    setName: nothing,
    getLevel: () => level,
  };
}

async function take({ type, envelope_id: id, body, ack }: Envelope, { slackIn, log }: SlackSocketDeps): Promise<void> {
  try {
    const request = parseEnvelope(type, body);
    // What is not ours is acknowledged all the same: Slack would show the person an error.
    if (request === undefined) await ack();
    else await ack(await slackIn.answer(request, id));
  } catch (error) {
    log.warn(
      { reason: error instanceof Error ? error.message : String(error) },
      'a Socket Mode request could not be acknowledged',
    );
  }
}

function parseEnvelope(type: string, body: unknown): SlackRequest | undefined {
  if (type === 'interactive') return parseInteraction(body);
  return type === 'slash_commands' ? parseCommand(body) : undefined;
}

/** The second time it does not wait for Slack's goodbye. */
async function close(client: SocketModeClient, clock: Clock): Promise<void> {
  const enough = new AbortController();
  const waiting = clock.sleep(CLOSE_MS, enough.signal).catch(() => undefined);
  await Promise.race([client.disconnect(), waiting]);
  enough.abort();
  if (client.websocket?.isActive() === true) await client.disconnect();
}
