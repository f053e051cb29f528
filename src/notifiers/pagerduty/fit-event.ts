import type { AlertEvent } from './event.ts';

/** Below the 512 KB of a whole event, with room for the routing key. */
const MAX_BYTES = 500_000;

/** The event within its size: its details are left out first, then its links. */
export function fitEvent(event: AlertEvent): AlertEvent {
  if (fits(event)) return event;
  const { custom_details: _details, ...payload } = event.payload;
  const short = { ...event, payload };
  if (fits(short)) return short;
  const { links: _links, ...shortest } = short;
  return shortest;
}

function fits(event: AlertEvent): boolean {
  return Buffer.byteLength(JSON.stringify(event)) <= MAX_BYTES;
}
