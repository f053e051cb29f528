import fc from 'fast-check';
import { createTask, getTasks } from 'node-cron';
import { localTimeAt } from '../../src/domain/local-time.ts';
import { compileCron, CronError } from '../../src/schema/compile-cron.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const RUNS = 40;

const iso = (at: number | undefined): string | undefined => (at === undefined ? undefined : new Date(at).toISOString());

/** The first `count` instants after one. */
function ticks(cron: string, timezone: string, after: string, count: number): readonly (string | undefined)[] {
  const times = compileCron(cron, timezone);
  const found: (string | undefined)[] = [];
  for (let at: number | undefined = Date.parse(after); found.length < count && at !== undefined;) {
    at = times.nextAfter(at);
    found.push(iso(at));
  }
  return found;
}

/** node-cron's own matcher. */
function matcherOf(cron: string, timezone: string): (at: number) => boolean {
  const task = createTask(cron, () => undefined, { timezone });
  void task.destroy();
  return (at) => task.match(new Date(at));
}

/** All ticks of a stretch of time by looking at every minute, and at every local minute that the clocks skip in it. */
function bruteForce(cron: string, timezone: string, from: number, to: number): readonly number[] {
  const matches = matcherOf(cron, timezone);
  const matchesUtc = matcherOf(cron, 'UTC');
  const shown = (at: number): number => at + localTimeAt(at, timezone).offsetMs;
  const found = new Set<number>();
  const seen = new Set<number>();
  // A little earlier, to know what was shown before the stretch begins.
  for (let at = from - 3 * HOUR_MS; at <= to; at += MINUTE_MS) {
    const local = shown(at);
    for (let skipped = shown(at - MINUTE_MS) + MINUTE_MS; skipped < local; skipped += MINUTE_MS)
      if (matchesUtc(skipped)) found.add(at);
    if (matches(at) && !seen.has(local)) found.add(at);
    seen.add(local);
  }
  return [...found].filter((at) => at > from).sort((a, b) => a - b);
}

const field = (min: number, max: number): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant('*') },
    { weight: 2, arbitrary: fc.integer({ min, max }).map(String) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: max - min }).map((step) => `*/${step}`) },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.integer({ min, max }), fc.integer({ min, max })).map((pair) => pair.sort((a, b) => a - b).join('-')),
    },
    { weight: 1, arbitrary: fc.uniqueArray(fc.integer({ min, max }), { minLength: 1, maxLength: 4 }).map((list) => list.join()) },
  );

const anyCron = fc
  .tuple(
    field(0, 59),
    field(0, 23),
    fc.oneof(field(1, 28), fc.constantFrom('L', '15W', 'L-2')),
    field(1, 12),
    fc.oneof(field(0, 6), fc.constantFrom('MON-FRI', 'sun', '1#2', '5L')),
  )
  .map((fields) => fields.join(' '));

const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Pacific/Apia', 'Asia/Kathmandu'] as const;

/** Where clocks change. */
const CHANGES = [
  ['Europe/Berlin', '2026-03-29T01:00:00Z'],
  ['Europe/Berlin', '2026-10-25T01:00:00Z'],
  ['America/New_York', '2026-03-08T07:00:00Z'],
  ['America/New_York', '2026-11-01T06:00:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T15:30:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T15:00:00Z'],
  ['Pacific/Apia', '2011-12-30T10:00:00Z'],
  ['America/Sao_Paulo', '2018-02-18T02:00:00Z'],
  ['America/Sao_Paulo', '2018-11-04T03:00:00Z'],
] as const;

describe('the times of a cron expression', () => {
  it.each([
    ['every day', '0 2 * * *', 'UTC', ['2026-11-22T02:00:00.000Z', '2026-11-23T02:00:00.000Z']],
    ['a nickname', '@daily', 'UTC', ['2026-11-22T00:00:00.000Z']],
    ['names', '30 9 * dec MON-FRI', 'UTC', ['2026-12-01T09:30:00.000Z', '2026-12-02T09:30:00.000Z']],
    ['the clocks of a place', '0 9 * * *', 'Asia/Kathmandu', ['2026-11-22T03:15:00.000Z']],
    ['day of month and weekday, which must both hold', '0 0 13 * 5', 'UTC', ['2027-08-13T00:00:00.000Z']],
    ['the last day of the month', '0 0 L * *', 'UTC', ['2026-11-30T00:00:00.000Z', '2026-12-31T00:00:00.000Z']],
    ['a leap day', '0 0 29 2 *', 'UTC', ['2028-02-29T00:00:00.000Z']],
    ['a leap day on a Monday', '0 0 29 2 1', 'UTC', ['2044-02-29T00:00:00.000Z']],
  ])('are those of %s', (_name, cron, timezone, expected) => {
    expect(ticks(cron, timezone, '2026-11-21T12:00:00Z', expected.length)).toEqual(expected);
  });

  it('are after the instant that is given, never at it', () => {
    expect(ticks('* * * * *', 'UTC', '2026-11-21T12:00:00Z', 1)).toEqual(['2026-11-21T12:01:00.000Z']);
    expect(ticks('* * * * *', 'UTC', '2026-11-21T12:00:59.999Z', 1)).toEqual(['2026-11-21T12:01:00.000Z']);
  });

  it('leave nothing behind in node-cron', () => {
    compileCron('0 2 * * *', 'Europe/Berlin');
    expect(getTasks().size).toBe(0);
  });
});

describe('where clocks change', () => {
  it('a local time that is skipped counts once, at the first instant after the gap', () => {
    expect(ticks('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
    expect(ticks('*/15 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:00:00.000Z',
    ]);
  });

  it('a local time that comes twice counts once, the first time', () => {
    expect(ticks('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
  });

  it('half an hour is skipped as well', () => {
    expect(ticks('15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T10:00:00Z', 1)).toEqual(['2026-10-03T15:30:00.000Z']);
  });

  it('a whole day is skipped', () => {
    expect(ticks('0 12 30 12 *', 'Pacific/Apia', '2011-12-29T00:00:00Z', 1)).toEqual(['2011-12-30T10:00:00.000Z']);
  });

  it.each(CHANGES)('%s at %s: every tick is what looking at each minute finds', (zone, change) => {
    const from = Date.parse(change) - 8 * HOUR_MS;
    const to = Date.parse(change) + 8 * HOUR_MS;
    for (const cron of [
      '*/7 * * * *',
      '0 * * * *',
      '30 2 * * *',
      '59 23 * * *',
      '0 0 * * *',
      '45 1-3 * * *',
      '0 0,12 * * 0,5,6',
    ]) {
      const times = compileCron(cron, zone);
      const found: number[] = [];
      for (let at = times.nextAfter(from); at !== undefined && at <= to; at = times.nextAfter(at)) found.push(at);
      expect([cron, ...found.map(iso)]).toEqual([cron, ...bruteForce(cron, zone, from, to).map(iso)]);
    }
  });
});

describe('any expression', () => {
  it('has the next time that looking at each minute finds, and node-cron matches it', () => {
    fc.assert(
      fc.property(
        anyCron,
        fc.constantFrom(...ZONES),
        fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2027, 0, 1) }),
        (cron, zone, at) => {
          let times;
          try {
            times = compileCron(cron, zone);
          } catch (error) {
            expect(error).toBeInstanceOf(CronError);
            return;
          }
          const next = times.nextAfter(at);
          expect(next).toBeGreaterThan(at);
          const [brute] = bruteForce(cron, zone, Math.floor(at / MINUTE_MS) * MINUTE_MS, at + 6 * HOUR_MS);
          if (next !== undefined && (brute !== undefined || next <= at + 6 * HOUR_MS)) expect(iso(next)).toBe(iso(brute));
          // What the clocks skip is matched by no instant.
          const isAfterGap =
            next !== undefined && localTimeAt(next, zone).offsetMs > localTimeAt(next - MINUTE_MS, zone).offsetMs;
          if (next !== undefined && !isAfterGap) expect(matcherOf(cron, zone)(next)).toBe(true);
        },
      ),
      { numRuns: RUNS },
    );
  });
});

describe('an expression that cannot be used', () => {
  it.each([
    ['no cron', 'daily', 'UTC', 'cron', 'is not a cron expression'],
    ['too large a value', '0 25 * * *', 'UTC', 'cron', '25 is a invalid expression for hour'],
    ['seconds', '0 0 2 * * *', 'UTC', 'cron', 'has six fields, and schedules have no seconds'],
    ['a day that no month has', '0 0 30 2 *', 'UTC', 'cron', 'impossible day of month'],
    ['days that are never both', '0 0 1 * 1#2', 'UTC', 'cron', 'never comes'],
    ['an unknown time zone', '0 2 * * *', 'Mars/Olympus', 'timezone', "unknown time zone 'Mars/Olympus'"],
    ['an offset', '0 2 * * *', '+01:00', 'timezone', "unknown time zone '+01:00'"],
  ])('is refused in one line: %s', (_name, cron, timezone, part, message) => {
    let error: unknown;
    try {
      compileCron(cron, timezone);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'invalid_cron', part, message: expect.stringContaining(message) });
    expect(String(error)).not.toContain('\n');
  });
});
