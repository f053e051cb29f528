import { createCallLog, describeCalls } from '../slack-and-pagerduty/call-log.ts';
import { createChanges } from '../slack-and-pagerduty/changes.ts';
import { createFaults, type Misbehaviour } from '../slack-and-pagerduty/faults.ts';
import { misbehave } from '../slack-and-pagerduty/misbehave.ts';
import { postToDaemon, type DaemonAnswer } from '../slack-and-pagerduty/post-to-daemon.ts';
import { startVendorListener, type VendorAnswer, type VendorRequest } from '../slack-and-pagerduty/vendor-listener.ts';
import { callMethod } from './call-method.ts';
import { findElements, toControl } from './controls.ts';
import { findDuplicates } from './duplicates.ts';
import { readUpload, takeUpload, UPLOAD_PATH } from './file-methods.ts';
import { createInteractionPayloads } from './interaction-payloads.ts';
import { createInteractions } from './interactions.ts';
import { createRateLimiter } from './rate-limits.ts';
import { readArguments, type SlackArguments } from './read-arguments.ts';
import { signSlackRequest } from './signature.ts';
import { SlackRefusal } from './slack-refusal.ts';
import { createSocketMode } from './socket-mode.ts';
import type { SlackDelivery, SlackMisbehaviour, SlackOptions, SlackServer } from './types.ts';
import { createWorkspace, shownIn, threadOf } from './workspace.ts';

/**
 * Starts a Slack of our own: the Web API, response URLs, uploads, Socket Mode, and people who click and type.
 *
 *     await using slack = await startSlack({ channels: ['ops'] });
 *     // point the daemon at slack.apiUrl with slack.botToken, slack.appToken and slack.signingSecret
 *     await slack.until((s) => s.messages('#ops').length === 1);
 *     const [message] = slack.messages('#ops');
 *     const { status, body, ms } = await slack.click({ url, user: 'U0ALICE01', channel: '#ops', message, actionId: 'approve' });
 *     slack.fail({ method: 'chat.postMessage', how: 'cut_after' });                          // taken, but nobody is told
 *     slack.fail({ how: { status: 429, retryAfter: 30 }, times: Infinity }); slack.stopFailing();
 *
 * What it checks: tokens, channels and threads, the limits of messages, blocks, metadata and views, trigger ids, the
 * number of posts to a response URL, uploads; on demand the rates of posts and updates.
 */
export async function startSlack(options: SlackOptions = {}): Promise<SlackServer> {
  const botToken = options.botToken ?? 'xoxb-0000000000-remedyd';
  const appToken = options.appToken ?? 'xapp-0000000000-remedyd';
  const signingSecret = options.signingSecret ?? '5160000000000000000000000000cafe';
  const workspace = createWorkspace({
    channels: options.channels ?? ['ops', 'incidents'],
    users: options.users ?? { U0ALICE01: 'alice', U0BOB0001: 'bob', U0CAROL01: 'carol' },
    userGroups: options.userGroups ?? { S0ONCALL1: ['U0ALICE01', 'U0BOB0001'] },
  });
  const log = createCallLog<string>();
  const faults = createFaults<SlackMisbehaviour>();
  const bell = createChanges();
  const stopped = new AbortController();
  const sockets = createSocketMode(bell.notify);
  let limitRate = createRateLimiter(options.rateLimits ?? false, workspace);
  // Known once it listens, before any request.
  let origin = '';
  const interactions = createInteractions(workspace, () => origin);
  const payloads = createInteractionPayloads(workspace, interactions);

  const handle = async (request: VendorRequest): Promise<VendorAnswer | 'cut'> => {
    const method = methodOf(request.url.pathname);
    const upload = method === 'upload' ? readUpload(request) : undefined;
    const args = upload === undefined ? readArguments(request) : { bytes: upload.length };
    const end = log.begin(method, args, request.headers);
    bell.notify();
    const fault = faults.take(method, args);
    const apply = (): VendorAnswer => {
      const answer = upload === undefined ? answerCall(method, args, request) : takeUpload(workspace, fileIdOf(request), upload);
      bell.notify();
      return answer;
    };
    const answer = await misbehave(atHttp(fault), apply, stopped.signal);
    end(answer === 'cut' ? (typeof fault === 'string' ? fault : 'cut') : outcomeOf(answer));
    bell.notify();
    return answer;
  };

  const answerCall = (method: string, args: SlackArguments, request: VendorRequest): VendorAnswer => {
    try {
      if (method === 'response_url') {
        interactions.respond(request.url.pathname, args);
        return { status: 200, body: 'ok' };
      }
      const waitSeconds = limitRate(method, args);
      if (waitSeconds !== undefined) return tooMany(waitSeconds);
      const tokens = { bot: botToken, app: appToken };
      const context = { workspace, interactions, origin, socketPath: sockets.createTicket };
      return { status: 200, body: { ok: true, ...callMethod(method, args, request.headers, tokens, context) } };
    } catch (error) {
      if (!(error instanceof SlackRefusal)) throw error;
      const status = method === 'response_url' ? 404 : 200;
      return { status, body: { ok: false, error: error.code, ...error.details } };
    }
  };

  const listener = await startVendorListener({ handle, upgrade: sockets.upgrade });
  origin = `http://127.0.0.1:${String(listener.port)}`;

  const deliver = (delivery: SlackDelivery, rawBody: string): Promise<DaemonAnswer> => {
    const timestamp = delivery.timestamp ?? Math.floor(Date.now() / 1_000);
    return postToDaemon(delivery.url, rawBody, {
      'content-type': 'application/x-www-form-urlencoded',
      'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)',
      accept: 'application/json,*/*',
      'x-slack-request-timestamp': String(timestamp),
      'x-slack-signature': signSlackRequest(delivery.signingSecret ?? signingSecret, timestamp, rawBody),
      ...delivery.headers,
    });
  };
  const stop = async (): Promise<void> => {
    stopped.abort();
    await listener.goDown();
  };

  const slack: SlackServer = {
    apiUrl: `${origin}/api/`,
    botToken,
    appToken,
    signingSecret,
    teamId: workspace.teamId,
    botUserId: workspace.botUserId,
    channelId: (channel) => workspace.channel(channel).id,
    messages: (channel) => shownIn(workspace.channel(channel)),
    message: (channel, ts) => workspace.message(workspace.channel(channel), ts),
    thread: (channel, ts) => {
      const place = workspace.channel(channel);
      return threadOf(place, workspace.message(place, ts).ts);
    },
    controls: (message) => findElements(message.blocks).map(toControl),
    channels: workspace.channels,
    ephemerals: workspace.ephemerals,
    files: workspace.files,
    views: workspace.views,
    responses: interactions.responses,
    calls: log.calls,
    duplicates: () => findDuplicates(workspace.channels.flatMap(({ messages }) => messages)),
    addChannel: (name) => workspace.createChannel(name).id,
    removeChannel: (channel) => {
      workspace.channels.splice(workspace.channels.indexOf(workspace.channel(channel)), 1);
    },
    fail: faults.fail,
    stopFailing: faults.stopFailing,
    goDown: listener.goDown,
    comeBack: listener.comeBack,
    limitRates: (limits) => {
      limitRate = createRateLimiter(limits, workspace);
    },
    until: (isMet, timeoutMs) =>
      bell.until(
        () => isMet(slack),
        timeoutMs,
        () => describeCalls(log.calls),
      ),
    click: (click) => deliver(click, form({ payload: JSON.stringify(payloads.click(click)) })),
    command: (command) => deliver(command, form(payloads.command(command))),
    submitView: (submission) => deliver(submission, form({ payload: JSON.stringify(payloads.submission(submission)) })),
    sign: signSlackRequest,
    post: (url, rawBody, headers = {}) => deliver({ url, headers }, rawBody),
    clickBody: (click) => form({ payload: JSON.stringify(payloads.click(click)) }),
    commandBody: (command) => form(payloads.command(command)),
    expireResponseUrls: interactions.expireResponseUrls,
    get socketCount() {
      return sockets.count();
    },
    socketClick: (click) => sockets.deliver('interactive', payloads.click(click)),
    socketCommand: (command) => sockets.deliver('slash_commands', payloads.command(command)),
    socketSubmitView: (submission) => sockets.deliver('interactive', payloads.submission(submission)),
    refreshSockets: sockets.refresh,
    cutSockets: sockets.cut,
    stop,
    [Symbol.asyncDispose]: stop,
  };
  return slack;
}

function methodOf(path: string): string {
  if (path.startsWith(UPLOAD_PATH)) return 'upload';
  return path.startsWith('/api/') ? path.slice('/api/'.length) : 'response_url';
}

function fileIdOf(request: VendorRequest): string {
  return request.url.pathname.slice(UPLOAD_PATH.length);
}

function atHttp(fault: SlackMisbehaviour | undefined): Misbehaviour | undefined {
  if (fault === undefined || typeof fault === 'string' || !('error' in fault)) return fault;
  return { status: 200, body: { ok: false, error: fault.error } };
}

function tooMany(waitSeconds: number): VendorAnswer {
  return { status: 429, headers: { 'retry-after': String(waitSeconds) }, body: { ok: false, error: 'ratelimited' } };
}

function outcomeOf({ status, body }: VendorAnswer): string {
  if (status !== 200) return `http ${String(status)}`;
  return typeof body === 'object' && body !== null && 'error' in body ? String(body.error) : 'ok';
}

function form(fields: Readonly<Record<string, string>>): string {
  return new URLSearchParams(fields).toString();
}
