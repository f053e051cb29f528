import fc from 'fast-check';
import { dueInActiveTime, hasActiveTime } from '../src/domain/active-time.ts';
import type { NamedIntervals } from '../src/domain/mute-times.ts';
import { parseTimeInterval } from '../src/domain/time-interval.ts';
import type { TimeIntervalSpec } from '../src/domain/time-interval.ts';

const RANDOM_CLOCKS = Number(process.env['RANDOM_CLOCKS'] ?? 100);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

function named(...specs: readonly TimeIntervalSpec[]): readonly NamedIntervals[] {
  return [{ name: 'hours', intervals: specs.map(parseTimeInterval) }];
}

const BUSINESS = named({
  weekdays: ['monday:friday'],
  times: [{ start_time: '09:00', end_time: '17:00' }],
  location: 'Europe/Berlin',
});

test.each([
  ['inside', '2026-11-23T09:00:00Z', '2h', '2026-11-23T11:00:00Z'],
  ['to the last minute', '2026-11-23T09:00:00Z', '7h', '2026-11-23T16:00:00Z'],
  ['over the night', '2026-11-23T15:30:00Z', '1h', '2026-11-24T08:30:00Z'],
  ['over the weekend', '2026-11-27T15:59:30Z', '1m', '2026-11-30T08:00:30Z'],
  ['from the night', '2026-11-23T22:00:00Z', '0s', '2026-11-24T08:00:00Z'],
  ['from the night, with seconds', '2026-11-23T22:00:07Z', '1m', '2026-11-24T08:01:00Z'],
  ['several days', '2026-11-23T08:00:00Z', '20h', '2026-11-25T12:00:00Z'],
  ['in summer', '2026-07-06T06:00:00Z', '30m', '2026-07-06T07:30:00Z'],
  ['over the end of summer time', '2026-10-23T14:30:00Z', '1h', '2026-10-26T08:30:00Z'],
])('business hours %s', (_, from, after, due) => {
  const units = { s: 1_000, m: MINUTE_MS, h: HOUR_MS };
  const afterMs = Number.parseInt(after, 10) * (after.endsWith('h') ? units.h : after.endsWith('m') ? units.m : units.s);
  expect(new Date(dueInActiveTime(Date.parse(from), afterMs, BUSINESS)).toISOString()).toBe(new Date(due).toISOString());
});

test('the hour that a clock change repeats is active twice, and the one it leaves out never', () => {
  const night = named({ times: [{ start_time: '02:00', end_time: '03:00' }], location: 'Europe/Berlin' });
  const due = (from: string, afterMs: number): string =>
    new Date(dueInActiveTime(Date.parse(from), afterMs, night)).toISOString();
  expect(due('2026-10-24T22:00:00Z', 90 * MINUTE_MS)).toBe('2026-10-25T01:30:00.000Z');
  expect(due('2026-03-28T12:00:00Z', 30 * MINUTE_MS)).toBe('2026-03-30T00:30:00.000Z');
});

test('without active time the clock runs on, from where it stopped', () => {
  const from = Date.parse('2026-12-31T20:00:00Z');
  expect(dueInActiveTime(from, HOUR_MS, named({ years: ['2020'] }))).toBe(from + HOUR_MS);
  expect(hasActiveTime(from, named({ years: ['2020'] }))).toBe(false);
  expect(dueInActiveTime(from, HOUR_MS, named())).toBe(from + HOUR_MS);
  const lastHours = named({ years: ['2026'], times: [{ start_time: '22:00', end_time: '24:00' }] });
  expect(dueInActiveTime(from, 2 * HOUR_MS, lastHours)).toBe(from + 4 * HOUR_MS);
  expect(dueInActiveTime(from, 3 * HOUR_MS, lastHours)).toBe(from + 5 * HOUR_MS);
  expect(hasActiveTime(from, lastHours)).toBe(true);
});

test('a clock that runs a minute a week runs on after 400 days, from where it stopped', () => {
  const sundays = named({ weekdays: ['sunday'], times: [{ start_time: '00:00', end_time: '00:01' }] });
  const from = Date.parse('2026-03-28T00:00:00Z');
  const due = (afterMs: number): string => new Date(dueInActiveTime(from, afterMs, sundays)).toISOString();
  expect([due(MINUTE_MS), due(57 * MINUTE_MS)]).toEqual(['2026-03-29T00:01:00.000Z', '2027-04-25T00:01:00.000Z']);
  expect([due(58 * MINUTE_MS), due(60 * MINUTE_MS)]).toEqual(['2027-04-25T00:02:00.000Z', '2027-04-25T00:04:00.000Z']);
});

test('no intervals, or one that holds always, are the plain clock', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 0, max: 30 * DAY_MS }), (from, afterMs) => {
      expect(dueInActiveTime(from, afterMs, [])).toBe(from + afterMs);
      expect(dueInActiveTime(from, afterMs, named({}))).toBe(from + afterMs);
    }),
    { numRuns: RANDOM_CLOCKS },
  );
});

/** What the due time means, minute by minute: the slow way. */
function dueByCounting(from: number, afterMs: number, active: readonly NamedIntervals[]): number {
  const isActive = (at: number): boolean => active.some(({ intervals }) => intervals.some((interval) => interval.contains(at)));
  let left = afterMs;
  for (let at = from; ;) {
    const next = (Math.floor(at / MINUTE_MS) + 1) * MINUTE_MS;
    if (isActive(at)) {
      if (left <= next - at) return at + left;
      left -= next - at;
    }
    at = next;
  }
}

const clock = fc
  .tuple(fc.integer({ min: 0, max: 22 }), fc.integer({ min: 0, max: 59 }), fc.integer({ min: 60, max: 12 * 60 }))
  .map(([hour, minute, length]) => {
    const text = (minutes: number): string =>
      `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
    const start = hour * 60 + minute;
    return { start_time: text(start), end_time: text(Math.min(start + length, 1_440)) };
  });
const spec = fc.record(
  {
    times: fc.array(clock, { minLength: 1, maxLength: 2 }),
    weekdays: fc.constantFrom(['monday:friday'], ['sunday'], ['tuesday', 'saturday']),
    location: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata'),
  },
  { requiredKeys: ['times'] },
);

test('it is what counting minutes finds, around clock changes too, and grows with the time to wait', () => {
  const start = fc
    .tuple(
      fc.constantFrom('2026-03-28T00:00:00Z', '2026-10-24T00:00:00Z', '2026-06-01T00:00:00Z', '2026-11-01T00:00:00Z'),
      fc.nat(3 * DAY_MS),
    )
    .map(([day, offset]) => Date.parse(day) + offset);
  const wait = fc.integer({ min: 0, max: 5 * HOUR_MS });
  fc.assert(
    fc.property(fc.array(spec, { minLength: 1, maxLength: 2 }), start, wait, wait, (specs, from, one, other) => {
      const active = named(...specs);
      const [less, more] = [Math.min(one, other), Math.max(one, other)];
      const due = dueInActiveTime(from, less, active);
      expect(due).toBe(dueByCounting(from, less, active));
      expect(due).toBeGreaterThanOrEqual(from + less);
      expect(dueInActiveTime(from, more, active)).toBeGreaterThanOrEqual(due);
    }),
    { numRuns: RANDOM_CLOCKS },
  );
});
