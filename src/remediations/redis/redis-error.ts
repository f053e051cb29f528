import { StepError, type StepErrorCode } from '../../domain/remediation.ts';

const LONGEST_TEXT = 300;
/** Enough for the text, so that a huge one is not searched through. */
const LONGEST_REPLY = 3_000;

// First words of error replies: https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
const CODE_BY_WORD: ReadonlyMap<string, StepErrorCode> = new Map([
  ['NOAUTH', 'permission_denied'],
  ['WRONGPASS', 'permission_denied'],
  ['NOPERM', 'permission_denied'],
  ['LOADING', 'unavailable'],
  ['BUSY', 'unavailable'],
  ['MASTERDOWN', 'unavailable'],
  ['NOMASTERLINK', 'unavailable'],
  ['CLUSTERDOWN', 'unavailable'],
  ['TRYAGAIN', 'unavailable'],
]);

/** What a failed command means for a step; `happened` is the caller's knowledge of what its commands did. */
export function commandError(error: unknown, connection: string, happened: 'nothing' | 'unknown'): StepError {
  const text = replyText(error);
  if (text === undefined) {
    return new StepError('unavailable', `Redis "${connection}": the connection was lost`, { happened });
  }
  return refusal(text, connection, happened);
}

/** What a refused sign-in means for a step: as any other refusal, without the password, whatever the server quotes. */
export function signInError(error: StepError, password: string): StepError {
  const message = password === '' ? error.message : error.message.replaceAll(password, '[secret]');
  return new StepError(error.code, message, { happened: 'nothing' });
}

/** What an error reply means for a step; `reply` is its text without the leading minus. */
export function refusal(reply: string, connection: string, happened: 'nothing' | 'unknown'): StepError {
  const text = oneLine(reply);
  return new StepError(replyCode(text), `Redis "${connection}": ${text}`, { happened });
}

/**
 * What a failed connection attempt means. Only its code is passed on: when a URL is mistyped, the client's own text names
 * parts of the password as host.
 */
export function connectError(error: unknown, connection: string): StepError {
  const code = codeOf(error) ?? 'the connection was closed';
  const message = `Redis "${connection}": the server cannot be reached (${code})`;
  return new StepError(code === 'ETIMEDOUT' ? 'timeout' : 'unavailable', message, { happened: 'nothing' });
}

/** Whether the server answered the command with an error, so that the command itself did nothing. */
export function isErrorReply(error: unknown): boolean {
  return replyText(error) !== undefined;
}

function replyText(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined;
  const text = oneLine(error.message);
  // The refusal of a key names neither the key nor the command.
  return text.startsWith('NOPERM') && !text.includes("'") ? `${text} (${commandOf(error)})` : text;
}

function commandOf(error: Error): string {
  const command: unknown = Reflect.get(error, 'command');
  const name: unknown = typeof command === 'object' && command !== null ? Reflect.get(command, 'name') : undefined;
  return typeof name === 'string' ? name.toLowerCase() : 'a key';
}

/** Without the arguments that a refused command is quoted with: those of AUTH are the password. */
function oneLine(reply: string): string {
  return reply
    .slice(0, LONGEST_REPLY)
    .replace(/\s+/g, ' ')
    .replace(/,? with args beginning with:.*$/, '')
    .slice(0, LONGEST_TEXT);
}

// By shape: an error of the socket need not be an instance of this realm's Error.
function codeOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

function replyCode(text: string): StepErrorCode {
  // The one refusal that passes by itself and has no word of its own.
  if (text.startsWith('ERR max number of clients')) return 'unavailable';
  return CODE_BY_WORD.get(text.split(' ', 1)[0] ?? '') ?? 'rejected';
}
