import { StepError, type StepErrorCode } from '../../domain/remediation.ts';
import { describeError } from '../describe-error.ts';
import { createStopError, isStopped } from '../stop-error.ts';

// Then the request did not reach the engine.
const CONNECT_FAILURES: ReadonlySet<string> = new Set([
  'ENOENT',
  'ECONNREFUSED',
  'EACCES',
  'EPERM',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTSOCK',
]);

export interface DockerCall {
  /** What is tried, for error messages, e.g. `restarting container web-1`. */
  readonly what: string;
  readonly signal: AbortSignal;
  /** Whether the engine may have made a change when its answer is lost. */
  readonly isChange?: boolean;
  /** As a socket proxy would have to allow it, e.g. `POST /containers/web-1/stop`. */
  readonly request?: string;
}

/** Makes one call to the engine; ends when `signal` aborts, even if the engine or the library hangs. Fails with a `StepError`. */
export async function callDocker<T>({ what, signal, isChange = false, request }: DockerCall, call: () => Promise<T>): Promise<T> {
  if (isStopped(signal)) throw createStopError(signal, what, 'nothing');
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([call(), stopped]);
  } catch (error) {
    if (error instanceof StepError) throw error;
    const lost = isChange ? 'unknown' : 'nothing';
    throw isStopped(signal) ? createStopError(signal, what, lost) : translate(error, what, lost, request);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function translate(error: unknown, what: string, lost: 'nothing' | 'unknown', request: string | undefined): StepError {
  const { code, text } = describeError(error);
  const status = readStatus(error);
  const fail = (stepCode: StepErrorCode, happened: 'nothing' | 'unknown'): StepError =>
    new StepError(stepCode, `${what} failed: ${text}`, { happened, cause: error });
  if (status !== undefined && isForbidden(status) && request !== undefined) {
    const message = `${what} failed: ${text}; what guards the engine has to let \`${request}\` through`;
    return new StepError('permission_denied', message, { happened: 'nothing', cause: error });
  }
  if (status !== undefined) return status >= 500 ? fail('rejected', lost) : fail(classifyRefusal(status), 'nothing');
  if (code === 'EACCES' || code === 'EPERM') return fail('permission_denied', 'nothing');
  if (CONNECT_FAILURES.has(code)) return fail('unavailable', 'nothing');
  return fail(code.startsWith('HPE_') ? 'invalid_response' : 'unavailable', lost);
}

function classifyRefusal(status: number): StepErrorCode {
  if (status === 404) return 'not_found';
  return isForbidden(status) ? 'permission_denied' : 'rejected';
}

function isForbidden(status: number): boolean {
  return status === 401 || status === 403;
}

/** dockerode puts the status of the engine's answer on its errors. */
function readStatus(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}
