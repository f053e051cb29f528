import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { text } from 'node:stream/consumers';

/** What the daemon answered, and how long that took. */
export interface DaemonAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly ms: number;
}

/** An array sends the header several times, `undefined` leaves it out. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Posts the bytes as they are, on a connection of its own. Waits for the answer for 30 s. */
export function postToDaemon(url: string, rawBody: string | Buffer, headers: RequestHeaders): Promise<DaemonAnswer> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const isTls = url.startsWith('https:');
    const request = (isTls ? requestTls : requestPlain)(url, {
      method: 'POST',
      headers: { ...definedHeaders(headers), 'content-length': String(Buffer.byteLength(rawBody)) },
      agent: false,
      timeout: 30_000,
      // The daemon's certificate in tests is a throw-away one; what is tested here is not trust in it.
      ...(isTls ? { rejectUnauthorized: false } : {}),
    });
    request.on('timeout', () => request.destroy(new Error(`${url} did not answer within 30 s`)));
    request.on('error', reject);
    request.on('response', (response) => {
      text(response).then((body) => {
        const ms = performance.now() - startedAt;
        resolve({ status: response.statusCode ?? 0, body, headers: response.headers, ms });
      }, reject);
    });
    request.end(rawBody);
  });
}

function definedHeaders(headers: RequestHeaders): Record<string, string | string[]> {
  const defined: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) defined[name.toLowerCase()] = typeof value === 'string' ? value : [...value];
  }
  return defined;
}
