import { daysInMonth, localTimeAt, nextOffsetChange } from './local-time.ts';
import type { LocalTime } from './local-time.ts';

/** A time interval as it is written, in Alertmanager's syntax. A field that is absent holds always; an empty list never. */
export interface TimeIntervalSpec {
  readonly times?: readonly { readonly start_time: string; readonly end_time: string }[] | undefined;
  readonly weekdays?: readonly string[] | undefined;
  readonly days_of_month?: readonly string[] | undefined;
  readonly months?: readonly string[] | undefined;
  readonly years?: readonly string[] | undefined;
  readonly location?: string | undefined;
}

/** A set of minutes. */
export interface TimeInterval {
  /** Whether an instant (epoch milliseconds) is in it. */
  contains(at: number): boolean;
  /** An instant after `at` up to which `contains` does not change: at most a day away, or infinity when it never changes. */
  nextBoundary(at: number): number;
}

/** A part of a time interval that is not valid. `path` leads to it, `message` says what is allowed. */
export class TimeIntervalError extends Error {
  readonly code = 'invalid_time_interval';
  readonly path: readonly (string | number)[];

  constructor(path: readonly (string | number)[], message: string) {
    super(message);
    this.path = path;
  }
}

interface Range {
  readonly begin: number;
  readonly end: number;
}

const MINUTE_MS = 60_000;
const MINUTES_OF_DAY = 1_440;
const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
const MONTHS = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
] as const;

/** Parses an interval as Alertmanager's package `timeinterval` does; throws `TimeIntervalError`. */
export function parseTimeInterval(spec: TimeIntervalSpec): TimeInterval {
  const times = spec.times?.map((time, index) => parseTimes(time, ['times', index]));
  const weekdays = parseRanges('weekdays', spec.weekdays, parseWeekdays);
  const daysOfMonth = parseRanges('days_of_month', spec.days_of_month, parseDaysOfMonth);
  const months = parseRanges('months', spec.months, parseMonths);
  const years = parseRanges('years', spec.years, parseYears);
  const zone = parseLocation(spec.location);

  const containsDay = (local: LocalTime): boolean =>
    isInDays(daysOfMonth, local) &&
    isInRanges(months, local.month) &&
    isInRanges(weekdays, local.weekday) &&
    isInRanges(years, local.year);
  const boundaries = [...new Set([...(times ?? []).flatMap(({ begin, end }) => [begin, end]), MINUTES_OF_DAY])].toSorted(
    (a, b) => a - b,
  );

  return {
    contains(at: number): boolean {
      const local = localTimeAt(at, zone);
      const inTimes = times === undefined || times.some(({ begin, end }) => local.minute >= begin && local.minute < end);
      return inTimes && containsDay(local);
    },
    nextBoundary(at: number): number {
      const local = localTimeAt(at, zone);
      const boundary = containsDay(local) ? boundaries.find((minute) => minute > local.minute) : undefined;
      const startOfMinute = Math.floor(at / MINUTE_MS) * MINUTE_MS;
      const next = startOfMinute + ((boundary ?? MINUTES_OF_DAY) - local.minute) * MINUTE_MS;
      return nextOffsetChange(at, next, zone) ?? next;
    },
  };
}

/** All instants that are in any of these. */
export function uniteIntervals(intervals: readonly TimeInterval[]): TimeInterval {
  return {
    contains: (at) => intervals.some((interval) => interval.contains(at)),
    // Without intervals nothing ever changes.
    nextBoundary: (at) => Math.min(...intervals.map((interval) => interval.nextBoundary(at))),
  };
}

/** The first instant at or after `from` where a condition over these intervals holds, to the minute; `undefined` when there is none within `withinMs`. */
export function firstInstant(
  from: number,
  intervals: readonly TimeInterval[],
  holds: (at: number) => boolean,
  withinMs: number,
): number | undefined {
  let at = from;
  while (at <= from + withinMs) {
    if (holds(at)) return at;
    if (intervals.length === 0) return undefined;
    const current = at;
    at = Math.min(...intervals.map((interval) => interval.nextBoundary(current)));
  }
  return undefined;
}

function parseTimes(time: { readonly start_time: string; readonly end_time: string }, path: readonly (string | number)[]): Range {
  const begin = parseClock(time.start_time, [...path, 'start_time']);
  const end = parseClock(time.end_time, [...path, 'end_time']);
  if (begin >= end)
    throw new TimeIntervalError(path, 'start_time has to be before end_time; for a night write two: until 24:00, and from 00:00');
  return { begin, end };
}

function parseClock(text: string, path: readonly (string | number)[]): number {
  if (!/^(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)$/.test(text)) {
    throw new TimeIntervalError(path, `${JSON.stringify(text)} is not a time; expected 00:00 to 24:00`);
  }
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
}

function parseRanges(
  field: string,
  texts: readonly string[] | undefined,
  parse: (text: string) => Range,
): readonly Range[] | undefined {
  return texts?.map((text, index) => {
    try {
      return parse(text.toLowerCase());
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new TimeIntervalError([field, index], `${JSON.stringify(text)}: ${error.message}`);
    }
  });
}

/** `a` or `a:b`. */
function parseRange(text: string, parseMember: (member: string) => number): Range {
  const [first = '', second = first, ...more] = text.split(':');
  if (more.length > 0) throw new RangeError('expected one value, or a range FROM:TO');
  return { begin: parseMember(first), end: parseMember(second) };
}

function parseWeekdays(text: string): Range {
  const range = parseRange(text, (member) => {
    const day = WEEKDAYS.findIndex((name) => name === member);
    if (day === -1) throw new RangeError(`expected weekdays by name (${WEEKDAYS.join(', ')})`);
    return day;
  });
  if (range.begin > range.end)
    throw new RangeError('the first day has to be before the last; a week starts on sunday, so write two ranges');
  return range;
}

function parseMonths(text: string): Range {
  const range = parseRange(text, (member) => {
    const month = MONTHS.findIndex((name) => name === member);
    return month === -1 ? parseInteger(member, 'months by name or number') : month + 1;
  });
  if (range.begin > range.end) throw new RangeError('the first month has to be before the last; write two ranges');
  return range;
}

function parseYears(text: string): Range {
  const range = parseRange(text, (member) => parseInteger(member, 'years'));
  if (range.begin > range.end) throw new RangeError('the first year has to be before the last');
  return range;
}

function parseDaysOfMonth(text: string): Range {
  const range = parseRange(text, (member) =>
    parseInteger(member, 'days from 1 to 31, or from -31 to -1 counted from the end of the month'),
  );
  for (const day of [range.begin, range.end]) {
    if (day === 0 || day < -31 || day > 31)
      throw new RangeError('expected days from 1 to 31, or from -31 to -1 counted from the end of the month');
  }
  if (range.begin < 0 && range.end > 0)
    throw new RangeError('the last day has to be counted from the end of the month when the first is');
  // In the shortest month: what is empty there for other reasons than its length is empty always.
  const inShortest = (day: number): number => (day < 0 ? 28 + day : day);
  if (inShortest(range.begin) > inShortest(range.end)) throw new RangeError('the last day is always before the first');
  return range;
}

function parseInteger(text: string, expected: string): number {
  if (!/^[+-]?\d{1,9}$/.test(text)) throw new RangeError(`expected ${expected}`);
  return Number(text);
}

/** `undefined` stands for UTC. */
function parseLocation(location: string | undefined): string | undefined {
  if (location === undefined || location === '' || location === 'UTC') return undefined;
  if (location === 'Local') return new Intl.DateTimeFormat().resolvedOptions().timeZone;
  try {
    // Offsets such as +01:00 are known to Node and not to Alertmanager.
    if (!/^[A-Za-z]/.test(location)) throw new RangeError('not a name');
    return new Intl.DateTimeFormat('en', { timeZone: location }).resolvedOptions().timeZone;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new TimeIntervalError(
      ['location'],
      `${JSON.stringify(location)} is not a time zone; expected UTC, Local or a name such as Europe/Berlin`,
    );
  }
}

function isInRanges(ranges: readonly Range[] | undefined, value: number): boolean {
  return ranges === undefined || ranges.some(({ begin, end }) => value >= begin && value <= end);
}

function isInDays(ranges: readonly Range[] | undefined, local: LocalTime): boolean {
  if (ranges === undefined) return true;
  const length = daysInMonth(local);
  const fromStart = (day: number): number => (day < 0 ? length + day + 1 : day);
  // A first day beyond the end of the month is none of its days; a last day beyond it is its last.
  return ranges.some(({ begin, end }) => local.day >= fromStart(begin) && local.day <= Math.min(fromStart(end), length));
}
