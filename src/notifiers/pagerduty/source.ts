import { MAX_NAME } from './event.ts';
import { shortLine } from './shortened.ts';

const DAEMON = 'remedyd';

/** Where it comes from: the daemon's host, and the group of alerts. */
export function sourceOf(externalUrl: string | undefined, groupLabels: Readonly<Record<string, string>> = {}): string {
  const group = Object.entries(groupLabels)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
  const host = (externalUrl === undefined ? null : URL.parse(externalUrl))?.host ?? '';
  const name = host === '' ? DAEMON : host;
  return shortLine(group === '' ? name : `${name} (${group})`, MAX_NAME);
}
