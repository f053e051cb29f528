import { hash } from 'node:crypto';

const PREFIX = 'remedyd/';
/** https://developer.pagerduty.com/docs/events-api-v2: `dedup_key` has at most 255 characters. */
const MAX_LENGTH = 255;
const MARK = /\[((?:inc|bundle)_[^\s[\]]+)\]/;

/** What PagerDuty knows an incident or a bundle by: its `dedup_key`, which its webhooks call `incident_key`. */
export function pagerDutyKey(id: string): string {
  const key = `${PREFIX}${id}`;
  return key.length <= MAX_LENGTH ? key : `${PREFIX}${hash('sha256', id, 'hex')}`;
}

/** The incident or bundle of a key; `undefined` for keys that are not ours. */
export function idOfPagerDutyKey(key: string): string | undefined {
  return key.startsWith(PREFIX) && key.length > PREFIX.length ? key.slice(PREFIX.length) : undefined;
}

/**
 * The beginning of a title, with the name of its incident or bundle: webhooks about notes carry the title, but not the key.
 * Nothing in the text can pass for such a name.
 */
export function markedTitle(text: string, id: string): string {
  return `${text.replace(/\[(?=(?:inc|bundle)_)/g, '(')} [${id}]`;
}

/** The incident or bundle that a title names. */
export function idInTitle(title: string): string | undefined {
  return MARK.exec(title)?.[1];
}
