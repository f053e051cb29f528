import type { HttpConnection } from '../../domain/connection.ts';
import type { JsonObject } from '../../domain/json.ts';
import { StepError } from '../../domain/remediation.ts';
import { encodeQuery } from './encode-query.ts';
import { isAllowedRequest } from './is-allowed-request.ts';
import { normalizePath } from './normalize-path.ts';

/**
 * Where a request goes: below the connection's base URL and within its `allow` list, whatever the path holds.
 * Fails with `invalid_value` or `not_allowed`.
 */
export function resolveUrl(connection: HttpConnection, method: string, path: string, query: JsonObject): URL {
  const base = parseBaseUrl(connection);
  const normalPath = normalizePath(path);
  if (!isAllowedRequest(connection.allow, method, normalPath)) {
    const message = `"${method} ${normalPath}" is not in \`allow\` of the http connection "${connection.name}"`;
    throw new StepError('not_allowed', message, { happened: 'nothing' });
  }
  const prefix = base.pathname.replace(/\/+$/, '');
  // From the origin, so that a query or credentials in the base URL are never sent.
  const url = new URL(base.origin);
  url.pathname = prefix + normalPath;
  url.search = encodeQuery(query);
  if (url.origin !== base.origin || url.pathname !== prefix + normalPath) {
    throw new StepError('not_allowed', `"${normalPath}" leaves the base URL of "${connection.name}"`, { happened: 'nothing' });
  }
  return url;
}

function parseBaseUrl(connection: HttpConnection): URL {
  const base = URL.parse(connection.baseUrl);
  if (base === null || !['http:', 'https:'].includes(base.protocol)) {
    const message = `base_url of the http connection "${connection.name}" is not an http or https URL`;
    throw new StepError('invalid_value', message, { happened: 'nothing' });
  }
  return base;
}
