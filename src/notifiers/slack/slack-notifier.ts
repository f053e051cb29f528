import type { Delivered, News, Notifier, NotifyOperation } from '../../domain/notifier.ts';
import { NotifyError } from '../../domain/notifier.ts';
import type { Secret } from '../../domain/secret.ts';
import type { Notification } from '../../domain/state.ts';
import { findChannel, findSent, textAt } from './find-sent.ts';
import { nextOperation } from './next-operation.ts';
import { postContent, type PostTo } from './post-content.ts';
import { uploadFile } from './upload-file.ts';
import { SlackApi } from './slack-api.ts';
import { notifyErrorOf, SlackRefusal } from './slack-fault.ts';
import { requestFromJson, type SlackRequest } from './slack-request.ts';
import { toldFromJson, toldToJson, type Told } from './told.ts';

/**
 * The Slack user ids of a person, or of everybody who has a role, by the name in the configuration; empty when nobody is
 * known. Throws `NotifyError` when that cannot be told now.
 */
export type WhoIs = (name: string, signal: AbortSignal) => Promise<readonly string[]>;

export interface SlackNotifierOptions {
  readonly token: Secret;
  /** Of a proxy or a test. */
  readonly apiUrl: string | undefined;
  readonly whoIs: WhoIs;
}

/** conversations.open takes so many people besides the app: docs.slack.dev/reference/methods/conversations.open. */
const GROUP_MAX = 8;
/** Clocks differ: a message may seem older than the row that asked for it. */
const CLOCK_MS = 5 * 60_000;
/** What can be updated no more is posted anew. */
const IS_GONE = new Set([
  'message_not_found',
  'cant_update_message',
  'edit_window_closed',
  'thread_not_found',
  'cannot_reply_to_message',
]);
/** Errors that only concern what goes with a channel of its own: the topic, or who is in it. */
const PASSES_BY: ReadonlySet<NotifyError['code']> = new Set(['refused', 'unreachable_place', 'unauthorized']);

/** Tells Slack. What it has said is in the row; here it only remembers which channel is behind which name. */
export class SlackNotifier implements Notifier {
  readonly name = 'slack';
  readonly #api: SlackApi;
  readonly #whoIs: WhoIs;
  /** Ids of channels by place: to look for a message only the id will do. */
  readonly #channels = new Map<string, string>();

  constructor({ token, apiUrl, whoIs }: SlackNotifierOptions) {
    this.#api = new SlackApi(token, apiUrl);
    this.#whoIs = whoIs;
  }

  next(news: News, notification: Notification): NotifyOperation | undefined {
    return nextOperation(news, notification);
  }

  async send(operation: NotifyOperation, notification: Notification, signal: AbortSignal): Promise<Delivered> {
    const request = readRequest(operation);
    try {
      const told = await this.#perform(request, operation.nonce, notification, signal);
      return { told: toldToJson(told), toldPosition: request.position };
    } catch (error) {
      const current = toldFromJson(notification.told);
      if (error instanceof SlackRefusal && IS_GONE.has(error.error) && current.ts !== null)
        return { told: toldToJson(withoutMessage(current)), toldPosition: notification.toldPosition };
      throw asNotifyError(error, notification);
    }
  }

  async find(operation: NotifyOperation, notification: Notification, signal: AbortSignal): Promise<Delivered | undefined> {
    const request = readRequest(operation);
    try {
      const told = await this.#look(request, operation.nonce, notification, signal);
      return told && { told: toldToJson(told), toldPosition: request.position };
    } catch (error) {
      // Who may not look, or has nowhere to look, cannot find: then it is said once more rather than never.
      if (error instanceof SlackRefusal) {
        const fault = notifyErrorOf(error, notification.attempts);
        if (fault.code === 'unreachable_place' || error.error === 'missing_scope' || IS_GONE.has(error.error)) return undefined;
        throw fault.code === 'unknown' ? new NotifyError('passing', fault.message, { cause: error }) : fault;
      }
      // Looking changes nothing, so that it can simply be done again.
      if (error instanceof NotifyError && error.code === 'unknown')
        throw new NotifyError('passing', error.message, { cause: error });
      throw error;
    }
  }

  async #perform(request: SlackRequest, nonce: string, row: Notification, signal: AbortSignal): Promise<Told> {
    const { told } = request;
    switch (request.act) {
      case 'post': {
        const channel = told.channelId ?? (await this.#channelOf(row.place, signal));
        const posted = await postContent(this.#api, 'chat.postMessage', request.content, { channel, nonce }, signal);
        this.#channels.set(row.place, posted.channelId);
        return { ...told, ...posted };
      }
      case 'update': {
        const { channelId, ts } = messageOf(told);
        await postContent(this.#api, 'chat.update', request.content, { channel: channelId, ts }, signal);
        return told;
      }
      case 'reply': {
        const { channelId, ts } = messageOf(told);
        const to: PostTo = { channel: channelId, nonce, threadTs: ts, isBroadcast: request.isBroadcast };
        await postContent(this.#api, 'chat.postMessage', request.content, to, signal);
        return told;
      }
      case 'upload': {
        const { channelId, ts } = messageOf(told);
        const isShared = await uploadFile(this.#api, request, { channelId, threadTs: ts }, signal);
        const to: PostTo = { channel: channelId, nonce, threadTs: ts, isBroadcast: false };
        if (!isShared) await postContent(this.#api, 'chat.postMessage', request.content, to, signal);
        return told;
      }
      case 'create_channel':
        return { ...told, channelId: await this.#createChannel(request.name, signal) };
      case 'set_topic':
        await this.#inPassing('conversations.setTopic', { channel: told.channelId, topic: request.topic }, row, signal);
        return told;
      case 'invite':
        await this.#inPassing('conversations.invite', { channel: told.channelId, users: request.user }, row, signal);
        return told;
    }
  }

  async #look(request: SlackRequest, nonce: string, row: Notification, signal: AbortSignal): Promise<Told | undefined> {
    const { told } = request;
    const since = row.createdAt - CLOCK_MS;
    switch (request.act) {
      case 'post': {
        const channelId = told.channelId ?? (await this.#channelIdOf(row.place, signal));
        if (channelId === undefined) return undefined;
        const ts = await findSent(this.#api, { channelId, since, nonce }, signal);
        return ts === undefined ? undefined : { ...told, channelId, ts };
      }
      case 'reply':
      case 'upload': {
        const { channelId, ts } = messageOf(told);
        const file = request.act === 'upload' ? { fileName: request.fileName } : {};
        const found = await findSent(this.#api, { channelId, threadTs: ts, since, nonce, ...file }, signal);
        return found === undefined ? undefined : told;
      }
      // The others are simply done again.
      case 'update':
      case 'create_channel':
      case 'set_topic':
      case 'invite':
        return undefined;
    }
  }

  /** What chat.postMessage takes for a place: a channel's name or id, or a person's id. */
  async #channelOf(place: string, signal: AbortSignal): Promise<string> {
    if (!place.startsWith('@')) return place;
    const users = await this.#whoIs(place.slice(1), signal);
    const [only] = users;
    if (only === undefined) throw new NotifyError('unreachable_place', `nobody is known behind ${place} in Slack: add people`);
    if (users.length === 1) return only;
    if (users.length > GROUP_MAX)
      throw new NotifyError(
        'unreachable_place',
        `${place} has ${users.length} people, a group message in Slack takes ${GROUP_MAX}`,
      );
    return this.#openConversation(users, signal);
  }

  /** The id of the channel behind a place, to look into it. */
  async #channelIdOf(place: string, signal: AbortSignal): Promise<string | undefined> {
    const known = this.#channels.get(place);
    if (known !== undefined) return known;
    const channel = await this.#channelOf(place, signal);
    if (/^[UW][A-Z0-9]{2,}$/.test(channel)) return this.#openConversation([channel], signal);
    return channel.startsWith('#') ? findChannel(this.#api, channel.slice(1), signal) : channel;
  }

  async #openConversation(users: readonly string[], signal: AbortSignal): Promise<string> {
    const answer = await this.#api.call('conversations.open', { users: users.join(',') }, signal);
    return textAt(answer['channel'], 'id') ?? fail('conversations.open');
  }

  async #createChannel(name: string, signal: AbortSignal): Promise<string> {
    try {
      const answer = await this.#api.call('conversations.create', { name, is_private: false }, signal);
      return textAt(answer['channel'], 'id') ?? fail('conversations.create');
    } catch (error) {
      if (!(error instanceof SlackRefusal)) throw error;
      const made = error.error === 'name_taken' ? await findChannel(this.#api, name, signal) : undefined;
      if (made !== undefined) return made;
      // Without a channel of its own the incident needs another place, whatever the reason is.
      const fault = notifyErrorOf(error, 0);
      const isLasting = fault.code !== 'limited' && fault.code !== 'unknown' && error.error !== 'service_unavailable';
      throw isLasting ? new NotifyError('unreachable_place', fault.message, { cause: error }) : fault;
    }
  }

  /** Does what would be nice to have: when Slack does not let us, the messages are worth more. */
  async #inPassing(method: string, args: Record<string, unknown>, row: Notification, signal: AbortSignal): Promise<void> {
    try {
      await this.#api.call(method, args, signal);
    } catch (error) {
      if (!(error instanceof SlackRefusal)) throw error;
      const fault = notifyErrorOf(error, row.attempts + 100);
      if (!PASSES_BY.has(fault.code)) throw fault;
    }
  }
}

function readRequest(operation: NotifyOperation): SlackRequest {
  const request = requestFromJson(operation.request);
  if (request === undefined) throw new NotifyError('refused', `the operation ${operation.kind} is none that Slack is asked for`);
  return request;
}

function messageOf(told: Told): { readonly channelId: string; readonly ts: string } {
  const { channelId, ts } = told;
  if (channelId === null || ts === null) throw new NotifyError('refused', 'the message that this belongs to was never posted');
  return { channelId, ts };
}

/** Its place is empty: the next operation posts it anew. */
function withoutMessage(told: Told): Told {
  return { ...told, ts: null, digest: null, generation: told.generation + 1 };
}

function asNotifyError(error: unknown, row: Notification): unknown {
  return error instanceof SlackRefusal ? notifyErrorOf(error, row.attempts) : error;
}

function fail(method: string): never {
  throw new NotifyError('unknown', `Slack answered ${method} without the id that it promises`);
}
