import type { EventLink } from './event.ts';

/** A link that is longer is left out: cut, it would lead nowhere. */
const MAX_LENGTH = 2_000;

/** Only what leads to the web: others than we write the links of alerts. */
export function webLink(text: string, url: string | undefined): readonly EventLink[] {
  const href = webUrl(url);
  return href === undefined ? [] : [{ href, text }];
}

/** The URL when it is one of http or https. */
export function webUrl(url: string | undefined): string | undefined {
  if (url === undefined || url.length > MAX_LENGTH) return undefined;
  const parsed = URL.parse(url);
  if (parsed === null || (parsed.protocol !== 'https:' && parsed.protocol !== 'http:')) return undefined;
  return parsed.href.length > MAX_LENGTH ? undefined : parsed.href;
}
