import type { IncomingHttpHeaders } from 'node:http';
import type { Fault, Misbehaviour } from '../slack-and-pagerduty/faults.ts';
import type { DaemonAnswer, RequestHeaders } from '../slack-and-pagerduty/post-to-daemon.ts';

/** What goes wrong: as at any vendor, or a 200 with `ok: false` and Slack's word for the error. */
export type SlackMisbehaviour = Misbehaviour | { readonly error: string };

/** So many calls in any period of this length. */
export interface SlackRate {
  readonly count: number;
  readonly periodMs: number;
}

export interface SlackRateLimits {
  /** chat.postMessage, for each channel. */
  readonly posts: SlackRate;
  /** chat.update, for the workspace. */
  readonly updates: SlackRate;
}

export interface SlackOptions {
  /** Names without `#`; `ops` and `incidents` unless given. */
  readonly channels?: readonly string[];
  /** Names by user id; alice (U0ALICE01), bob (U0BOB0001) and carol (U0CAROL01) unless given. */
  readonly users?: Readonly<Record<string, string>>;
  /** User ids by the id of the group; S0ONCALL1 with alice and bob unless given. */
  readonly userGroups?: Readonly<Record<string, readonly string[]>>;
  readonly botToken?: string;
  readonly appToken?: string;
  readonly signingSecret?: string;
  /** Off unless given; `true` means Slack's own: 1 post a second and channel, 50 updates a minute. */
  readonly rateLimits?: boolean | SlackRateLimits;
}

/** A block as it is kept: with the `block_id` and `action_id`s that Slack adds when the sender gave none. */
export type SlackBlock = Readonly<Record<string, unknown>> & { readonly type: string; readonly block_id: string };

export interface SlackMetadata {
  readonly event_type: string;
  readonly event_payload: Readonly<Record<string, unknown>>;
}

export interface SlackFile {
  readonly id: string;
  readonly name: string;
  readonly title: string;
  readonly bytes: Buffer;
  /** The bytes as UTF-8. */
  readonly text: string;
  /** Where it was shared, once files.completeUploadExternal has been called; `undefined` until then. */
  readonly sharedIn?: { readonly channel: string; readonly ts: string; readonly threadTs?: string };
}

/** What a message said at one time. */
export interface SlackContent {
  readonly at: number;
  readonly text: string;
  readonly blocks: readonly SlackBlock[];
}

/** A message, live: it always shows what it says now. */
export interface SlackMessage {
  readonly ts: string;
  /** The id of the channel. */
  readonly channel: string;
  /** The id of who posted it. */
  readonly user: string;
  readonly text: string;
  readonly blocks: readonly SlackBlock[];
  /** `text` and every text inside the blocks, a line each: for `toContain`. */
  readonly allText: string;
  /** What Slack makes live in it, without the angle brackets: `!channel`, `@U0ALICE01`, `https://example.com|runbook`. */
  readonly live: readonly string[];
  readonly metadata?: SlackMetadata;
  /** The `ts` of the parent, for a reply. */
  readonly threadTs?: string;
  /** A reply that is shown in the channel too (`reply_broadcast`). */
  readonly isBroadcast: boolean;
  readonly files: readonly SlackFile[];
  readonly reactions: readonly { readonly name: string; readonly user: string }[];
  /** What was posted, then what each update made of it; the last one is what it says now. */
  readonly versions: readonly SlackContent[];
}

export interface SlackEphemeral {
  readonly channel: string;
  readonly user: string;
  readonly text: string;
  readonly blocks: readonly SlackBlock[];
}

/** A request as it came in. */
export interface SlackCall {
  /** Slack's method, or `upload` for the bytes of a file, or `response_url`. */
  readonly method: string;
  /** As sent, with what is JSON inside a form (`blocks`, `metadata`, `view`, `files`) parsed. */
  readonly args: Readonly<Record<string, unknown>>;
  readonly headers: IncomingHttpHeaders;
  /** `Date.now()`. */
  readonly at: number;
  /** `ok`, Slack's word for the error, `http 429`, `cut_before`, `cut_after`; `pending` until it is answered. */
  readonly outcome: string;
}

export interface SlackView {
  readonly id: string;
  /** The user whose click or command gave the trigger id. */
  readonly user: string;
  readonly view: Readonly<Record<string, unknown>>;
  readonly blocks: readonly SlackBlock[];
}

/** What was posted to a `response_url`. */
export interface SlackResponse {
  readonly url: string;
  readonly user: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly at: number;
}

/** An interactive element of a message. */
export interface SlackControl {
  readonly type: string;
  readonly actionId: string;
  readonly blockId: string;
  readonly label: string;
  readonly value?: string;
  readonly options: readonly string[];
}

/** Posts with the same nonce (`event_payload.nonce`), or the same text, blocks and files in one channel or thread. */
export interface SlackDuplicate {
  readonly because: 'nonce' | 'content';
  readonly messages: readonly SlackMessage[];
}

export interface SlackSocketClick {
  /** The id of who clicks. */
  readonly user: string;
  /** Another workspace than this one, as a guest of a shared channel has. */
  readonly team?: string;
  /** `#name` or id. */
  readonly channel: string;
  /** The message or its `ts`. */
  readonly message: string | SlackMessage;
  readonly actionId: string;
  /** Instead of what the button holds, as a forger would send. */
  readonly value?: string;
  /** For menus: the value of the chosen option. */
  readonly selected?: string;
}

export interface SlackSocketCommand {
  readonly user: string;
  readonly team?: string;
  /** What follows the command. */
  readonly text: string;
  /** `/remedyd` unless given. */
  readonly command?: string;
  /** `#name` or id; the first channel unless given. */
  readonly channel?: string;
}

export interface SlackSocketSubmission {
  readonly user: string;
  readonly team?: string;
  /** The view or its id. */
  readonly view: string | SlackView;
  /** By block id: the text typed, or the value of the chosen option. */
  readonly values: Readonly<Record<string, string>>;
}

/** Where a signed request goes, and what a forger changes about it. */
export interface SlackDelivery {
  /** The daemon's route. */
  readonly url: string;
  /** Unix seconds instead of now. */
  readonly timestamp?: number;
  /** Instead of the workspace's. */
  readonly signingSecret?: string;
  /** Replaces or, with `undefined`, removes headers. */
  readonly headers?: RequestHeaders;
}

export type SlackClick = SlackSocketClick & SlackDelivery;
export type SlackCommand = SlackSocketCommand & SlackDelivery;
export type SlackSubmission = SlackSocketSubmission & SlackDelivery;

/** What the daemon acknowledged over Socket Mode with, and after how long. */
export interface SlackAck {
  readonly payload: unknown;
  readonly ms: number;
}

export interface SlackServer extends AsyncDisposable {
  /** For `slackApiUrl`, with the slash at its end. */
  readonly apiUrl: string;
  readonly botToken: string;
  readonly appToken: string;
  readonly signingSecret: string;
  readonly teamId: string;
  /** The user id of the bot. */
  readonly botUserId: string;

  /** The id behind `#name`; throws when there is none. */
  channelId(channel: string): string;
  /** What the channel shows, oldest first: messages and broadcast replies, not the other replies. `#name` or id. */
  messages(channel: string): readonly SlackMessage[];
  /** Throws when it does not exist. */
  message(channel: string, ts: string): SlackMessage;
  /** The parent, then its replies, oldest first. Throws when the parent does not exist. */
  thread(channel: string, ts: string): readonly SlackMessage[];
  /** The buttons and menus a message has now. */
  controls(message: SlackMessage): readonly SlackControl[];
  readonly channels: readonly {
    readonly id: string;
    readonly name: string;
    readonly topic: string;
    readonly members: readonly string[];
  }[];
  readonly ephemerals: readonly SlackEphemeral[];
  readonly files: readonly SlackFile[];
  readonly views: readonly SlackView[];
  /** What was posted to response URLs. */
  readonly responses: readonly SlackResponse[];
  /** Every request, oldest first. */
  readonly calls: readonly SlackCall[];
  duplicates(): readonly SlackDuplicate[];
  /** Adds a channel, or makes it unknown, as when it is deleted. */
  addChannel(name: string): string;
  removeChannel(channel: string): void;

  fail(fault: Fault<SlackMisbehaviour>): void;
  stopFailing(): void;
  /** Connections, Socket Mode's too, are cut and refused. */
  goDown(): Promise<void>;
  comeBack(): Promise<void>;
  limitRates(limits: boolean | SlackRateLimits): void;
  /** Resolves once it holds; looks again after each call and each change. 15 s unless given. */
  until(isMet: (slack: SlackServer) => boolean, timeoutMs?: number): Promise<void>;

  /** Clicks a button or chooses in a menu; throws when the message has no such control. */
  click(click: SlackClick): Promise<DaemonAnswer>;
  command(command: SlackCommand): Promise<DaemonAnswer>;
  /** Submits a view that views.open showed; throws when a required input is missing. */
  submitView(submission: SlackSubmission): Promise<DaemonAnswer>;
  /** `v0=` and the HMAC of the published scheme; the timestamp in Unix seconds. */
  sign(secret: string, timestamp: number | string, rawBody: string): string;
  /** Posts raw bytes signed as of now; headers given replace or, with `undefined`, remove ours. */
  post(url: string, rawBody: string, headers?: RequestHeaders): Promise<DaemonAnswer>;
  /** The raw, form-encoded body that `click` or `command` would post: to tamper with, then `post`. */
  clickBody(click: SlackSocketClick): string;
  commandBody(command: SlackSocketCommand): string;
  /** From now on no response URL takes anything, as half an hour later. */
  expireResponseUrls(): void;

  /** How many Socket Mode connections are open. */
  readonly socketCount: number;
  /** As `click`, over the newest connection; rejects when it is not acknowledged within 10 s. */
  socketClick(click: SlackSocketClick): Promise<SlackAck>;
  socketCommand(command: SlackSocketCommand): Promise<SlackAck>;
  socketSubmitView(submission: SlackSocketSubmission): Promise<SlackAck>;
  /** Tells all clients to connect anew, as Slack does every few hours. */
  refreshSockets(): void;
  /** Cuts all Socket Mode connections without a word. */
  cutSockets(): void;

  stop(): Promise<void>;
}
