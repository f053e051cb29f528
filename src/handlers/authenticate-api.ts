import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { API_ROLES, type ApiRole, type Settings } from '../domain/settings.ts';
import type { Actor } from '../pipeline/event.ts';
import { hostName } from './allowed-hosts.ts';
import { ApiError } from './api-error.ts';
import { bearerToken } from './bearer-token.ts';
import { digestOf } from './digest-of.ts';
import { rolesOf } from '../domain/roles-of.ts';
import { isLoopbackAddress, isLoopbackHost } from '../domain/loopback.ts';

/** Who reads on this machine without a token. */
const LOCAL_VIEWER: Actor = { person: 'local', role: 'viewer', roles: [], via: 'api' };

const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

/** Says who calls a route that needs the role, or throws an `ApiError` 401 for nobody known. The caller's own role may be too small. */
export type ApiAuthenticator = (request: IncomingMessage, role: ApiRole) => Actor;

/** Why this caller may not use a route that needs the role. */
export function describeMissingRole(actor: Actor, role: ApiRole): string | undefined {
  const isEnough = API_ROLES.indexOf(actor.role) >= API_ROLES.indexOf(role);
  return isEnough ? undefined : `this needs the role ${role}; ${actor.person} has ${actor.role}`;
}

/**
 * A call needs a token of the role or a greater one. Only reading on the machine itself needs none, and not where
 * `external_url` or a header says that a proxy stands in front: then everybody comes from loopback. `roles` are those
 * that are live: who lost one has lost it at once.
 */
export function createApiAuthenticator({
  auth,
  externalUrl,
  roles,
}: Pick<Settings, 'auth' | 'externalUrl'> & { readonly roles: () => Settings['roles'] }): ApiAuthenticator {
  const known = auth.tokens.map(({ person, role, token }) => ({
    person,
    role,
    digest: digestOf(token.reveal()),
  }));
  const isBehindProxy = externalUrl !== undefined && !isLoopbackHost(new URL(externalUrl).hostname);
  const unknown =
    known.length === 0
      ? 'no API token is configured: add one to auth.api.tokens'
      : 'send a token of auth.api.tokens as Authorization: Bearer …';
  return (request, role) => {
    if (request.headers.authorization === undefined) {
      if (role === 'viewer' && !isBehindProxy && isLocal(request)) return LOCAL_VIEWER;
      throw new ApiError(401, 'unauthorized', unknown);
    }
    const token = bearerToken(request);
    let found: (typeof known)[number] | undefined;
    if (token !== undefined) {
      const digest = digestOf(token);
      for (const candidate of known) if (timingSafeEqual(candidate.digest, digest)) found ??= candidate;
    }
    if (found === undefined) throw new ApiError(401, 'unauthorized', known.length === 0 ? unknown : 'the token is unknown');
    return { person: found.person, role: found.role, roles: rolesOf(found.person, roles()), via: 'api' };
  };
}

function isLocal({ headers, socket }: IncomingMessage): boolean {
  return (
    isLoopbackAddress(socket.remoteAddress ?? '') &&
    isLoopbackHost(hostName(headers.host ?? '') ?? '') &&
    PROXY_HEADERS.every((name) => headers[name] === undefined)
  );
}
