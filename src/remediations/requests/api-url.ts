import type { JsonObject } from '../../domain/json.ts';
import { StepError } from '../../domain/remediation.ts';
import { encodeQuery } from './encode-query.ts';

/** A system with a documented API below one URL. */
export interface ApiAddress {
  readonly kind: string;
  readonly name: string;
  readonly url: string;
}

/** Where an endpoint of a system is: `path` begins with a slash and is ours, `query` may hold anything. */
export function createApiUrl({ kind, name, url }: ApiAddress, path: string, query: JsonObject = {}): URL {
  const base = URL.parse(url);
  if (base === null || !['http:', 'https:'].includes(base.protocol)) {
    const message = `url of the ${kind} connection "${name}" is not an http or https URL`;
    throw new StepError('invalid_value', message, { happened: 'nothing' });
  }
  // From the origin, so that a query or credentials in the URL are never sent.
  const endpoint = new URL(base.origin);
  endpoint.pathname = base.pathname.replace(/\/+$/, '') + path;
  endpoint.search = encodeQuery(query);
  return endpoint;
}
