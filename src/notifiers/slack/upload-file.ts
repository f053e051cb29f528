import { NotifyError } from '../../domain/notifier.ts';
import { textAt } from './find-sent.ts';
import type { SlackApi } from './slack-api.ts';
import { notifyErrorOf, SlackRefusal } from './slack-fault.ts';

/** Words that have to do with the thread or with the moment, and nothing with files. */
const NOT_ABOUT_FILES = new Set(['thread_not_found', 'message_not_found', 'channel_not_found', 'is_archived', 'not_in_channel']);

/**
 * Shares a text as a file in a thread, by Slack's three calls (docs.slack.dev/messaging/working-with-files). Returns
 * `false` where files may not be uploaded. Until the last call nobody sees anything.
 */
export async function uploadFile(
  api: Pick<SlackApi, 'call' | 'upload'>,
  file: { readonly fileName: string; readonly title: string; readonly body: string },
  thread: { readonly channelId: string; readonly threadTs: string },
  signal: AbortSignal,
): Promise<boolean> {
  const bytes = new TextEncoder().encode(file.body);
  try {
    const place = await inPrivate(
      api.call('files.getUploadURLExternal', { filename: file.fileName, length: bytes.length }, signal),
    );
    const address = textAt(place, 'upload_url');
    const id = textAt(place, 'file_id');
    if (address === undefined || id === undefined)
      throw new NotifyError('passing', 'Slack answered files.getUploadURLExternal without a place for the file');
    await api.upload(address, bytes, signal);
    const files = [{ id, title: file.title }];
    await api.call('files.completeUploadExternal', { files, channel_id: thread.channelId, thread_ts: thread.threadTs }, signal);
    return true;
  } catch (error) {
    if (error instanceof SlackRefusal && isAboutFiles(error)) return false;
    throw error;
  }
}

/** A lost answer does not matter before the file is shared: it is done again. */
async function inPrivate<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof NotifyError && error.code === 'unknown')
      throw new NotifyError('passing', error.message, { cause: error });
    throw error;
  }
}

/** Whether the words may be taken as a message instead: the scope, or the workspace's rules for files. */
function isAboutFiles(refusal: SlackRefusal): boolean {
  if (refusal.error === 'missing_scope') return true;
  if (NOT_ABOUT_FILES.has(refusal.error)) return false;
  const { code } = notifyErrorOf(refusal, Number.MAX_SAFE_INTEGER);
  return code === 'refused' || code === 'unreachable_place';
}
