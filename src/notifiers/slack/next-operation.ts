import { hash } from 'node:crypto';
import { OWN_PLACE, type IncidentNews, type News, type NotifyOperation } from '../../domain/notifier.ts';
import type { Notification } from '../../domain/state.ts';
import { bundleMessage } from './bundle-message.ts';
import { section } from './blocks.ts';
import { incidentMessage } from './incident-message.ts';
import { shortenedNote } from './incident-links.ts';
import { digestOf, type Message } from './message.ts';
import { mrkdwn, quote } from './mrkdwn.ts';
import { noticeMessage } from './notice-message.ts';
import { ownChannelName, ownChannelTopic } from './own-channel.ts';
import { contentOf, requestToJson, type SlackActName, type SlackRequest } from './slack-request.ts';
import { outputsOwed, packOutputs } from './step-outputs.ts';
import { statusWords } from './status-words.ts';
import { threadFile } from './thread-file.ts';
import { timelineReply } from './timeline-reply.ts';
import { toldFromJson, type Told } from './told.ts';

// About one message a second and channel, chat.update 50 a minute for the workspace, conversations.create 20 a minute:
// docs.slack.dev/apis/web-api/rate-limits.
const POST_GAP_MS = 1_100;
const UPDATE_GAP_MS = 1_200;
const CHANNEL_GAP_MS = 3_000;
const CUSTOMER_MAX = 2_500;

/** What a place in Slack has to be told next; `undefined` when it knows everything. */
export function nextOperation(news: News, row: Notification): NotifyOperation | undefined {
  const told = toldFromJson(row.told);
  const request = nextRequest(news, row, told);
  if (request === undefined) return undefined;
  const { act } = request.request;
  return {
    kind: act,
    ...PACES[act](row.place === OWN_PLACE ? row.id : row.place),
    nonce: nonceOf(row, request.version),
    isRepeatable: REPEATABLE[act],
    request: requestToJson(request.request),
  };
}

interface NextRequest {
  readonly request: SlackRequest;
  /** Tells this operation from the others of its place; equal for the same one. */
  readonly version: string;
}

type Pace = Pick<NotifyOperation, 'lane' | 'gapMs'>;

const posting = (place: string): Pace => ({ lane: `slack/post/${place}`, gapMs: POST_GAP_MS });
const managing = (): Pace => ({ lane: 'slack/channels', gapMs: CHANNEL_GAP_MS });

const PACES: Readonly<Record<SlackActName, (place: string) => Pace>> = {
  post: posting,
  reply: posting,
  upload: posting,
  update: () => ({ lane: 'slack/update', gapMs: UPDATE_GAP_MS }),
  create_channel: managing,
  set_topic: managing,
  invite: managing,
};

/** A channel that exists already under its name is the one that was asked for. */
const REPEATABLE: Readonly<Record<SlackActName, boolean>> = {
  post: false,
  reply: false,
  upload: false,
  update: true,
  create_channel: true,
  set_topic: true,
  invite: true,
};

function nextRequest(news: News, row: Notification, told: Told): NextRequest | undefined {
  switch (news.kind) {
    case 'notice':
      return told.ts === null ? rootRequest(noticeMessage(news), row, told, 0) : undefined;
    case 'bundle':
      return rootRequest(bundleMessage(news), row, told, 0);
    case 'incident':
      return nextOfIncident(news, row, told);
  }
}

function nextOfIncident(news: IncidentNews, row: Notification, told: Told): NextRequest | undefined {
  const { incident, timeline } = news.detail;
  const isOwn = row.place === OWN_PLACE;
  if (isOwn && told.channelId === null) {
    const name = ownChannelName(incident);
    return { request: { act: 'create_channel', name, told, position: row.toldPosition }, version: `channel ${name}` };
  }
  const lastPosition = timeline.reduce((last, { position }) => Math.max(last, position), 0);
  return (
    rootRequest(incidentMessage(news, row.purpose), row, told, lastPosition) ??
    (isOwn ? channelRequest(news, row, told) : undefined) ??
    threadRequest(news, row, told)
  );
}

/** The message itself: posted once, then updated whenever it would look different. */
function rootRequest(message: Message, row: Notification, told: Told, loudAfter: number): NextRequest | undefined {
  const digest = digestOf(message);
  const content = contentOf(message);
  const position = row.toldPosition;
  if (told.ts === null) {
    const request: SlackRequest = { act: 'post', content, told: { ...told, digest, loudAfter }, position };
    return { request, version: `post ${told.generation}` };
  }
  if (told.digest === digest) return undefined;
  return { request: { act: 'update', content, told: { ...told, digest }, position }, version: `update ${digest}` };
}

function channelRequest({ detail, ownerSlackId }: IncidentNews, row: Notification, told: Told): NextRequest | undefined {
  const position = row.toldPosition;
  const topic = ownChannelTopic(detail.incident);
  if (told.topic !== topic)
    return { request: { act: 'set_topic', topic, told: { ...told, topic }, position }, version: `topic ${topic}` };
  if (ownerSlackId === undefined || told.invited.includes(ownerSlackId)) return undefined;
  const invited = [...told.invited, ownerSlackId];
  return {
    request: { act: 'invite', user: ownerSlackId, told: { ...told, invited }, position },
    version: `invite ${ownerSlackId}`,
  };
}

function threadRequest(news: IncidentNews, row: Notification, told: Told): NextRequest | undefined {
  return (
    timelineRequest(news, row, told) ??
    outputRequest(news, row, told) ??
    customerRequest(news, row, told) ??
    postMortemRequest(news, row, told)
  );
}

function timelineRequest(news: IncidentNews, row: Notification, told: Told): NextRequest | undefined {
  const reply = timelineReply(news, row.toldPosition, told.loudAfter);
  if (reply === undefined) return undefined;
  const { message, isBroadcast, position } = reply;
  return {
    request: { act: 'reply', content: contentOf(message), isBroadcast, told, position },
    version: `timeline ${row.toldPosition}-${position}`,
  };
}

function outputRequest(news: IncidentNews, row: Notification, told: Told): NextRequest | undefined {
  const owed = outputsOwed(news.detail, told.outputs);
  const [first] = owed;
  if (first === undefined) return undefined;
  if (first.isLarge) {
    const file = { name: first.title, extension: 'txt', title: first.title, body: first.text } as const;
    return fileRequest(news, row, { ...told, outputs: [...told.outputs, first.key] }, `output ${first.key}`, file);
  }
  const { message, keys } = packOutputs(owed);
  const request: SlackRequest = {
    act: 'reply',
    content: contentOf(message),
    isBroadcast: false,
    told: { ...told, outputs: [...told.outputs, ...keys] },
    position: row.toldPosition,
  };
  return { request, version: `outputs ${keys.join(' ')}` };
}

/** What customers can be told, once for each phase, to be copied. */
function customerRequest(news: IncidentNews, row: Notification, told: Told): NextRequest | undefined {
  const { customerMessage, phase, detail } = news;
  if (customerMessage === undefined || told.customerPhase === phase) return undefined;
  const title = mrkdwn`*For customers* (${statusWords(detail.incident, phase)})`;
  const text = mrkdwn`${title}\n${quote(customerMessage, CUSTOMER_MAX)}`;
  const blocks = [section([text])];
  const content = contentOf({ text: title, blocks, shortest: blocks });
  return {
    request: { act: 'reply', content, isBroadcast: false, told: { ...told, customerPhase: phase }, position: row.toldPosition },
    version: `customer ${phase} ${told.customerPhase ?? ''}`,
  };
}

function postMortemRequest(news: IncidentNews, row: Notification, told: Told): NextRequest | undefined {
  if (news.postMortem === undefined || told.hasPostMortem || news.phase !== 'resolved') return undefined;
  const file = { name: 'post-mortem', extension: 'md', title: 'Post-mortem (draft)', body: news.postMortem } as const;
  return fileRequest(news, row, { ...told, hasPostMortem: true }, 'post-mortem', file);
}

function fileRequest(
  news: IncidentNews,
  row: Notification,
  told: Told,
  version: string,
  file: Parameters<typeof threadFile>[0],
): NextRequest {
  const note = shortenedNote(news.detail.incident.id, news.url);
  const { fileName, title, body, instead } = threadFile(file, nonceOf(row, version), note);
  return {
    request: { act: 'upload', fileName, title, body, content: contentOf(instead), told, position: row.toldPosition },
    version,
  };
}

/** In the shape of a UUID; the same for the same operation, also after a crash. */
function nonceOf(row: Notification, version: string): string {
  const digest = hash('sha256', `${row.id}\n${version}`, 'hex');
  return [digest.slice(0, 8), digest.slice(8, 12), digest.slice(12, 16), digest.slice(16, 20), digest.slice(20, 32)].join('-');
}
