import { createTask, validateDetailed } from 'node-cron';
import type { CronTimes } from '../domain/cron-times.ts';
import { instantOfLocal, localTimeAt } from '../domain/local-time.ts';
import type { LocalDate } from '../domain/local-time.ts';

/** A cron expression that cannot be used; the message says in one line why, and what to write. */
export class CronError extends Error {
  readonly code = 'invalid_cron';
  /** Which of the two texts is at fault. */
  readonly part: 'cron' | 'timezone';

  constructor(part: 'cron' | 'timezone', message: string) {
    super(message);
    this.part = part;
  }
}

const DAY_MS = 86_400_000;
/** A 29 February on a given weekday comes after at most 40 years (2072 and 2112, for the 100 years' rule). */
const SEARCH_DAYS = 41 * 366;
/** An instant whose calendar is known: every expression that ever fires does so within `SEARCH_DAYS` of it. */
const SOME_INSTANT = Date.UTC(2026, 0, 1);

/** Compiles a cron expression of five fields (or a nickname such as `@daily`) by node-cron's parser and matcher. Throws `CronError`. */
export function compileCron(cron: string, timezone = 'UTC'): CronTimes {
  const zone = parseTimeZone(timezone);
  const calendar = parseCron(cron);
  const times: CronTimes = { cron, timezone, nextAfter: (at) => findNext(calendar, zone, at) };
  if (times.nextAfter(SOME_INSTANT) === undefined)
    throw new CronError('cron', `"${cron}" never comes: no day has all of these; day of month and weekday must both hold`);
  return times;
}

/** The local days and minutes that an expression names, whatever the zone. */
interface CronCalendar {
  readonly isOn: (date: LocalDate) => boolean;
  /** Minutes of a day, ascending. */
  readonly minutes: readonly number[];
}

function parseCron(cron: string): CronCalendar {
  const fields = cron.trim().split(/\s+/);
  if (fields.length === 6)
    throw new CronError('cron', `"${cron}" has six fields, and schedules have no seconds: write the last five of them`);
  const { fields: parsed, errors } = validateDetailed(cron);
  if (parsed === undefined) {
    const why = errors.map(({ message }) => message).join('; ');
    throw new CronError('cron', `"${cron}" is not a cron expression such as '0 2 * * *': ${why}`);
  }
  const { hour, minute, month } = parsed;
  const minutes = hour.flatMap((h) => minute.map((m) => h * 60 + m)).sort((a, b) => a - b);
  const months = new Set(month);
  const [first = 0] = minutes;
  const matches = createMatcher(cron);
  return {
    isOn: (date) => months.has(date.month) && matches(Date.UTC(date.year, date.month - 1, date.day) + first * 60_000),
    minutes: [...new Set(minutes)],
  };
}

/** node-cron's matcher of instants in UTC, where every local time exists once. The task is only made for it, and never started. */
function createMatcher(cron: string): (at: number) => boolean {
  const task = createTask(cron, () => undefined, { timezone: 'UTC' });
  // Else node-cron keeps it for the life of the process, with every reload one more.
  void task.destroy();
  return (at) => task.match(new Date(at));
}

function parseTimeZone(name: string): string | undefined {
  if (name === 'UTC') return undefined;
  try {
    // Offsets such as +01:00 are known to Node and to no table of time zones.
    if (!/^[A-Za-z]/.test(name)) throw new RangeError('not a name');
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CronError('timezone', `unknown time zone '${name}'; expected UTC or a name such as Europe/Berlin`);
  }
}

/** Local times and their instants have the same order, so that the search goes by local days and stops at the first that is later. */
function findNext({ isOn, minutes }: CronCalendar, zone: string | undefined, at: number): number | undefined {
  const start = localTimeAt(at, zone);
  const startOfDay = Date.UTC(start.year, start.month - 1, start.day);
  for (let days = 0; days < SEARCH_DAYS; days += 1) {
    const date = dateOf(startOfDay + days * DAY_MS);
    if (!isOn(date)) continue;
    for (const minute of minutes) {
      if (days === 0 && minute < start.minute) continue;
      const instant = instantOfLocal({ ...date, minute }, zone);
      if (instant > at) return instant;
    }
  }
  return undefined;
}

function dateOf(utc: number): LocalDate {
  const date = new Date(utc);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}
