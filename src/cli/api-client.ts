import { CliError } from './cli-error.ts';

/** Where the daemon is and who asks. */
export interface ApiTarget {
  readonly url: string;
  readonly token?: string;
}

/** One call of the daemon's API. A refusal becomes a `CliError` with the daemon's own words. */
export async function callApi(target: ApiTarget, method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(new URL(path, target.url), {
      method,
      redirect: 'error',
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(target.token === undefined ? {} : { authorization: `Bearer ${target.token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new CliError(1, `no daemon answers at ${target.url} (${cause}); start it with: remedyd serve, or name it with --url`);
  }
  const text = await response.text();
  const parsed = parseJson(text);
  if (response.ok) return parsed;
  const message = errorMessage(parsed) ?? `${response.status} ${response.statusText}`;
  throw new CliError(1, response.status === 401 ? `${message}; give a token with --token or REMEDYD_TOKEN` : message);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function errorMessage(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null || !('error' in answer)) return undefined;
  const { error } = answer;
  return typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string'
    ? error.message
    : undefined;
}
