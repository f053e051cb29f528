import type { HttpConnection } from '../../domain/connection.ts';
import type { JsonObject } from '../../domain/json.ts';
import { StepError } from '../../domain/remediation.ts';
import { Secret } from '../../domain/secret.ts';
import { quoteLine } from '../quote-line.ts';

export type RequestHeaders = Readonly<Record<string, string>>;

/** What a connection sends along with every request. */
export type Credentials = Pick<HttpConnection, 'bearerToken' | 'basicAuth'> & Partial<Pick<HttpConnection, 'headers'>>;

// Credentials, the frame of the message, and what would make the server act on another method or path than the allowed one.
const RESERVED_NAMES: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'host',
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'te',
  'trailer',
  'connection',
  'proxy-connection',
  'keep-alive',
  'upgrade',
  'expect',
  'accept-encoding',
  'idempotency-key',
  'forwarded',
  'x-forwarded-host',
  'x-forwarded-uri',
  'x-original-uri',
  'x-original-url',
  'x-rewrite-url',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
]);

/** The headers a step asks for, by lower-case name. Refuses reserved ones, the connection's own, and line breaks (`invalid_value`). */
export function parseHeaders(given: JsonObject, connection: HttpConnection): RequestHeaders {
  const ownNames = new Set(Object.keys(connection.headers).map((name) => name.toLowerCase()));
  return Object.fromEntries(
    Object.entries(given).map(([givenName, value]) => {
      const name = givenName.toLowerCase();
      const refuse = (why: string): never => {
        throw new StepError('invalid_value', `header "${quoteLine(givenName)}" ${why}`, { happened: 'nothing' });
      };
      if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) return refuse('is not a header name');
      if (RESERVED_NAMES.has(name)) return refuse('cannot be set by a step');
      if (ownNames.has(name)) return refuse('is set by the connection');
      if (value === null || typeof value === 'object') return refuse('has to be a text');
      const text = String(value);
      if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text))
        return refuse('holds a line break, a control character or one outside Latin-1');
      return [name, text];
    }),
  );
}

/** The headers that the connection adds: its own and its credentials. */
export function createConnectionHeaders(connection: Credentials): Readonly<Record<string, Secret>> {
  const own = Object.entries(connection.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
  const authorization = createAuthorization(connection);
  return { ...Object.fromEntries(own), ...(authorization === undefined ? {} : { authorization }) };
}

/** All that must not come back in an answer or an error. */
export function listSecrets({ headers, bearerToken, basicAuth }: Credentials): readonly Secret[] {
  return [
    ...Object.values(headers ?? {}),
    ...(bearerToken === undefined ? [] : [bearerToken]),
    ...(basicAuth === undefined ? [] : [basicAuth.password, new Secret(encodeBasicAuth(basicAuth))]),
  ];
}

function createAuthorization({ bearerToken, basicAuth }: Credentials): Secret | undefined {
  if (bearerToken !== undefined) return new Secret(`Bearer ${bearerToken.reveal()}`);
  return basicAuth === undefined ? undefined : new Secret(`Basic ${encodeBasicAuth(basicAuth)}`);
}

function encodeBasicAuth({ username, password }: NonNullable<HttpConnection['basicAuth']>): string {
  return Buffer.from(`${username}:${password.reveal()}`).toString('base64');
}
