import { isIP } from 'node:net';
import type { Settings } from '../domain/settings.ts';
import { isLoopbackHost } from '../domain/loopback.ts';

/**
 * Whether a Host header names this daemon. A page of a foreign name that was made to point here (DNS rebinding) has a
 * foreign name; an address cannot be made to. So addresses are taken where the listener is not bound to a name.
 */
export function createHostCheck({
  listen,
  externalUrl,
}: Pick<Settings, 'listen' | 'externalUrl'>): (header: string | undefined) => boolean {
  const names = new Set([listen.host.toLowerCase()]);
  if (externalUrl !== undefined) names.add(new URL(externalUrl).hostname.toLowerCase());
  return (header) => {
    const name = hostName(header ?? '');
    return name !== undefined && (isLoopbackHost(name) || names.has(name) || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0);
  };
}

/** The name or address of a Host header, without its port; `undefined` when it is not one. */
export function hostName(header: string): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[^\s:/@[\]]+)(?::\d{1,5})?$/i.exec(header)?.[1]?.toLowerCase();
}
