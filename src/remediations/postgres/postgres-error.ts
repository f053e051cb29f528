import { DatabaseError } from 'pg';
import { StepError, type StepErrorCode } from '../../domain/remediation.ts';

const LONGEST_TEXT = 300;
const CANNOT_CONNECT_NOW = '57P03';

/**
 * What a failed connection attempt means for a step. Nothing of the client's own text is passed on: when a URL is
 * mistyped, it names parts of the password as host or database.
 */
export function connectError(error: unknown, connection: string): StepError {
  const fail = (code: StepErrorCode, text: string, cause?: unknown): StepError =>
    new StepError(code, `PostgreSQL "${connection}": ${text}`, { happened: 'nothing', cause });

  const state = codeOf(error);
  if (state === '28P01') return fail('permission_denied', 'the server refused the password (28P01)');
  if (state === '28000') {
    return fail(
      'permission_denied',
      'the server refuses this user, database or address (28000); see its pg_hba.conf and the role',
    );
  }
  if (state === '42501') return fail('permission_denied', 'the role may not connect to this database (42501); GRANT CONNECT');
  if (state === '3D000') return fail('not_found', "the URL's database does not exist (3D000)");
  if (state === '53300') return fail('unavailable', 'the server has no connection left for this role (53300)');
  // The server says this to everybody before it looks at who asks, so its error holds nothing of the URL.
  if (state === CANNOT_CONNECT_NOW)
    return fail('unavailable', `the server is starting, stopping or recovering (${state})`, error);
  if (error instanceof DatabaseError) {
    return fail(isUnavailable(state) ? 'unavailable' : 'rejected', `the server refused the connection (${state})`);
  }
  const text = textOf(error);
  if (text.startsWith('SASL'))
    return fail('permission_denied', 'the server wants a password, and its URL has none or another kind');
  if (text === 'timeout expired') return fail('timeout', 'the server did not answer in time');
  return fail('unavailable', `the server cannot be reached (${state === '' ? 'the connection was closed' : state})`);
}

/** What a failed statement means for a step; `happened` is the caller's knowledge of what its statements did. */
export function statementError(error: unknown, connection: string, happened: 'nothing' | 'unknown'): StepError {
  const fail = (code: StepErrorCode, text: string): StepError =>
    new StepError(code, `PostgreSQL "${connection}": ${text}`, { happened, cause: error });

  const state = codeOf(error);
  if (!(error instanceof DatabaseError))
    return fail('unavailable', `the connection was lost${state === '' ? '' : ` (${state})`}`);
  const text = `${textOf(error)} (${state})`;
  if (state === '42501') return fail('permission_denied', text);
  if (state === '57014') return fail('timeout', text);
  if (state === '55P03') return fail('timeout', text);
  return fail(isUnavailable(state) ? 'unavailable' : 'rejected', text);
}

/** Whether a step's failure is that the server runs and takes no connections yet, or no longer. */
export function isNotAccepting(error: unknown): boolean {
  return sqlStateOf(error) === CANNOT_CONNECT_NOW;
}

/** Whether a step's failure is that a statement waited too long for a lock. */
export function isLockTimeout(error: unknown): boolean {
  return sqlStateOf(error) === '55P03';
}

/** The SQLSTATE of the statement that failed a step; empty when it was no statement of the server. */
export function sqlStateOf(error: unknown): string {
  return error instanceof StepError ? codeOf(error.cause) : '';
}

// Classes of https://www.postgresql.org/docs/current/errcodes-appendix.html: connection, resources, operator intervention.
function isUnavailable(state: string): boolean {
  return ['08', '53', '57'].some((group) => state.startsWith(group));
}

// By shape: an error of the socket need not be an instance of this realm's Error.
function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/\s+/g, ' ').slice(0, LONGEST_TEXT) : '';
}
