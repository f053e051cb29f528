/** An instant on the clocks of a place. */
export interface LocalTime {
  readonly year: number;
  /** 1 is January. */
  readonly month: number;
  readonly day: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  /** Minute of the day, 0 to 1439. */
  readonly minute: number;
  /** How far the clocks are ahead of UTC. */
  readonly offsetMs: number;
}

/** A day on a calendar. */
export type LocalDate = Pick<LocalTime, 'year' | 'month' | 'day'>;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Between any local time and UTC lies at most so much: clocks are up to 12 h behind and 14 h ahead. */
const FARTHEST_BEHIND_MS = 13 * HOUR_MS;
const FARTHEST_AHEAD_MS = 15 * HOUR_MS;
const formats = new Map<string, Intl.DateTimeFormat>();

/** The local time of an instant (epoch milliseconds) in a time zone that Intl knows; UTC without one. */
export function localTimeAt(at: number, zone: string | undefined): LocalTime {
  const offsetMs = zone === undefined ? 0 : offsetAt(at, zone);
  const local = new Date(at + offsetMs);
  return {
    year: local.getUTCFullYear(),
    month: local.getUTCMonth() + 1,
    day: local.getUTCDate(),
    weekday: local.getUTCDay(),
    minute: local.getUTCHours() * 60 + local.getUTCMinutes(),
    offsetMs,
  };
}

/**
 * The instant (epoch ms) at which clocks first show this minute. Where they skip it, the first instant after the gap.
 */
export function instantOfLocal(
  { year, month, day, minute }: LocalDate & Pick<LocalTime, 'minute'>,
  zone: string | undefined,
): number {
  const asUtc = Date.UTC(year, month - 1, day) + minute * MINUTE_MS;
  if (zone === undefined) return asUtc;
  const from = asUtc - FARTHEST_AHEAD_MS;
  const to = asUtc + FARTHEST_BEHIND_MS;
  // Clocks change at most once in so few hours.
  const before = offsetAt(from, zone);
  const after = offsetAt(to, zone);
  if (before === after) return asUtc - before;
  const change = nextOffsetChange(from, to, zone) ?? to;
  // Before the change they show it unless it would be later than that; after it unless it would be earlier.
  if (asUtc - before < change) return asUtc - before;
  return Math.max(asUtc - after, change);
}

/** The number of days of the month that a local time is in. */
export function daysInMonth(local: Pick<LocalTime, 'year' | 'month'>): number {
  const firstOfNext = new Date(0);
  firstOfNext.setUTCFullYear(local.year, local.month, 0);
  return firstOfNext.getUTCDate();
}

/** The first minute in (`from`, `to`] with another offset than `from`, if the offset at `to` is another. */
export function nextOffsetChange(from: number, to: number, zone: string | undefined): number | undefined {
  if (zone === undefined) return undefined;
  const before = offsetAt(from, zone);
  if (offsetAt(to, zone) === before) return undefined;
  let low = Math.floor(from / MINUTE_MS);
  let high = Math.ceil(to / MINUTE_MS);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle * MINUTE_MS, zone) === before) low = middle;
    else high = middle;
  }
  return high * MINUTE_MS;
}

function offsetAt(at: number, zone: string): number {
  const values: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(at)) values[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = values;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1_000) * 1_000;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formats.set(zone, format);
  return format;
}
