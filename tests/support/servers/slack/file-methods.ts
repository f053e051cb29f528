import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { VendorAnswer, VendorRequest } from '../slack-and-pagerduty/vendor-listener.ts';
import type { MethodTable, SlackMethod } from './method-table.ts';
import { SlackRefusal } from './slack-refusal.ts';
import type { SlackFile } from './types.ts';
import { wireFile } from './wire-shapes.ts';
import type { Workspace } from './workspace.ts';

/** Where uploads go, before the id of the file. */
export const UPLOAD_PATH = '/upload/v1/';

const requestSchema = z.object({ filename: z.string().min(1), length: z.coerce.number().int().min(1) });
const completionSchema = z.array(z.object({ id: z.string(), title: z.string().optional() })).min(1);
const text = z.string().catch('');

const getUploadUrl: SlackMethod = (args, { workspace, origin }) => {
  const parsed = requestSchema.safeParse(args);
  if (!parsed.success) throw new SlackRefusal('invalid_arguments');
  const id = `F${randomUUID().replaceAll('-', '').slice(0, 10).toUpperCase()}`;
  workspace.announcedBytes.set(id, parsed.data.length);
  workspace.files.push({ id, name: parsed.data.filename, title: parsed.data.filename, bytes: Buffer.alloc(0), text: '' });
  return { upload_url: `${origin}${UPLOAD_PATH}${id}`, file_id: id };
};

const completeUpload: SlackMethod = (args, { workspace }) => {
  const parsed = completionSchema.safeParse(args['files']);
  if (!parsed.success) throw new SlackRefusal('invalid_arguments');
  const files = parsed.data.map(({ id, title }) => {
    const file = uploaded(workspace, id);
    return { ...file, title: title ?? file.title };
  });
  const channelId = text.parse(args['channel_id']);
  if (channelId === '') return { files: files.map((file) => replaceFile(workspace, file)).map(wireFile) };
  const channel = workspace.channelById(channelId);
  const threadTs = text.parse(args['thread_ts']);
  if (threadTs !== '') workspace.message(channel, threadTs);
  const message = workspace.post(channel, {
    text: text.parse(args['initial_comment']),
    blocks: [],
    user: workspace.botUserId,
    threadTs: threadTs === '' ? undefined : threadTs,
  });
  const place = { channel: channel.id, ts: message.ts, ...(threadTs === '' ? {} : { threadTs }) };
  message.files = files.map((file) => replaceFile(workspace, { ...file, sharedIn: place }));
  return { files: message.files.map(wireFile) };
};

/** The two calls around an upload. */
export const fileMethods: MethodTable = {
  'files.getUploadURLExternal': getUploadUrl,
  'files.completeUploadExternal': completeUpload,
};

/** Takes the bytes of a file, raw or as the one field of a multipart form, as the SDKs send them. */
export function takeUpload(workspace: Workspace, id: string, bytes: Buffer): VendorAnswer {
  const file = workspace.files.find((candidate) => candidate.id === id);
  if (file === undefined) return { status: 404, body: 'no such upload' };
  if (workspace.announcedBytes.get(id) !== bytes.length) return { status: 400, body: 'the length is not the announced one' };
  replaceFile(workspace, { ...file, bytes, text: bytes.toString('utf8') });
  return { status: 200, body: `OK - ${String(bytes.length)}` };
}

/** What was uploaded, whatever form it came in. */
export function readUpload({ headers, body }: VendorRequest): Buffer {
  const type = headers['content-type'] ?? '';
  if (type.startsWith('application/x-www-form-urlencoded')) {
    return Buffer.from(new URLSearchParams(body.toString()).get('body') ?? body);
  }
  const boundary = /^multipart\/form-data;.*boundary="?([^";]+)/.exec(type)?.[1];
  return boundary === undefined ? body : onlyPart(body, boundary);
}

function onlyPart(body: Buffer, boundary: string): Buffer {
  const start = body.indexOf('\r\n\r\n') + '\r\n\r\n'.length;
  return body.subarray(start, body.indexOf(`\r\n--${boundary}`, start));
}

function uploaded(workspace: Workspace, id: string): SlackFile {
  const file = workspace.files.find((candidate) => candidate.id === id);
  if (file === undefined || file.bytes.length === 0) throw new SlackRefusal('file_not_found');
  if (file.sharedIn !== undefined) throw new SlackRefusal('file_already_shared');
  return file;
}

function replaceFile(workspace: Workspace, file: SlackFile): SlackFile {
  const index = workspace.files.findIndex((candidate) => candidate.id === file.id);
  workspace.files[index] = file;
  return file;
}
