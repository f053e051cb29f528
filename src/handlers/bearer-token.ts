import type { IncomingMessage } from 'node:http';

/** The token of `Authorization: Bearer …`. */
export function bearerToken(request: IncomingMessage): string | undefined {
  return /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
}
