import type { Json, JsonObject } from '../../domain/json.ts';
import type { Block } from './blocks.ts';
import type { Message } from './message.ts';
import { toldFromJson, toldToJson, type Told } from './told.ts';

/** The words of a message as they are journaled. */
export interface Content {
  readonly text: string;
  readonly blocks: readonly Block[];
  readonly shortest: readonly Block[];
}

/** What is asked of Slack, and what the place knows once it is done. `position`: up to where in the timeline. */
export type SlackRequest = SlackAct & { readonly told: Told; readonly position: number };

type SlackAct =
  | { readonly act: 'post'; readonly content: Content }
  | { readonly act: 'update'; readonly content: Content }
  | { readonly act: 'reply'; readonly content: Content; readonly isBroadcast: boolean }
  /** A file in the thread; `content` says the same, shorter, where files may not be uploaded. */
  | {
      readonly act: 'upload';
      readonly fileName: string;
      readonly title: string;
      readonly body: string;
      readonly content: Content;
    }
  | { readonly act: 'create_channel'; readonly name: string }
  | { readonly act: 'set_topic'; readonly topic: string }
  | { readonly act: 'invite'; readonly user: string };

export type SlackActName = SlackAct['act'];

/** A rendered message as content. */
export function contentOf({ text, blocks, shortest }: Message): Content {
  return { text: text.source, blocks, shortest };
}

export function requestToJson(request: SlackRequest): JsonObject {
  const { told, position } = request;
  return { ...actToJson(request), told: toldToJson(told), position };
}

function actToJson(act: SlackAct): JsonObject {
  switch (act.act) {
    case 'post':
    case 'update':
      return { act: act.act, content: contentToJson(act.content) };
    case 'reply':
      return { act: act.act, content: contentToJson(act.content), is_broadcast: act.isBroadcast };
    case 'upload':
      return {
        act: act.act,
        file_name: act.fileName,
        title: act.title,
        body: act.body,
        content: contentToJson(act.content),
      };
    case 'create_channel':
      return { act: act.act, name: act.name };
    case 'set_topic':
      return { act: act.act, topic: act.topic };
    case 'invite':
      return { act: act.act, user: act.user };
  }
}

/** Reads what was journaled; `undefined` for what is no request of ours. */
export function requestFromJson(json: JsonObject): SlackRequest | undefined {
  const { told, position } = json;
  const act = actFromJson(json);
  if (act === undefined || !isObject(told) || typeof position !== 'number') return undefined;
  return { ...act, told: toldFromJson(told), position };
}

function actFromJson(json: JsonObject): SlackAct | undefined {
  const { act, name, topic, user, title, body, file_name: fileName } = json;
  const content = contentFromJson(json['content']);
  switch (act) {
    case 'post':
    case 'update':
      return content && { act, content };
    case 'reply':
      return content && { act, content, isBroadcast: json['is_broadcast'] === true };
    case 'upload':
      return content && isText(fileName) && isText(title) && isText(body) ? { act, fileName, title, body, content } : undefined;
    case 'create_channel':
      return isText(name) ? { act, name } : undefined;
    case 'set_topic':
      return isText(topic) ? { act, topic } : undefined;
    case 'invite':
      return isText(user) ? { act, user } : undefined;
    default:
      return undefined;
  }
}

function contentToJson({ text, blocks, shortest }: Content): JsonObject {
  return { text, blocks, shortest };
}

function contentFromJson(json: Json | undefined): Content | undefined {
  if (!isObject(json)) return undefined;
  const { text, blocks, shortest } = json;
  return isText(text) ? { text, blocks: blocksOf(blocks), shortest: blocksOf(shortest) } : undefined;
}

function blocksOf(json: Json | undefined): readonly Block[] {
  return Array.isArray(json) ? json.filter(isObject) : [];
}

function isText(value: Json | undefined): value is string {
  return typeof value === 'string';
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
