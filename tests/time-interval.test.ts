import fc from 'fast-check';
import { createMuteTimes } from '../src/domain/mute-times.ts';
import { TimeIntervalError, firstInstant, parseTimeInterval } from '../src/domain/time-interval.ts';
import type { TimeIntervalSpec } from '../src/domain/time-interval.ts';
import { checkYaml } from '../src/schema/explain-issues.ts';
import { formatProblem } from '../src/schema/problem.ts';
import { timeIntervalSchema } from '../src/schema/time-interval-schema.ts';
import { parseYaml } from '../src/schema/yaml-file.ts';

const INTERVALS = Number(process.env['TIME_INTERVALS'] ?? 300);
const MINUTE_MS = 60_000;

/** `2020-05-04 15:04` or with an offset, `2020-05-04 15:04 +1000`. */
function instant(text: string): number {
  const [date, time, offset = '+0000'] = text.split(' ');
  return Date.parse(`${date}T${time}:00${offset.slice(0, 3)}:${offset.slice(3)}`);
}

const office = { times: [{ start_time: '09:00', end_time: '17:00' }], weekdays: ['monday:friday'] };

describe('contains', () => {
  test.each<readonly [name: string, spec: TimeIntervalSpec, inside: readonly string[], outside: readonly string[]]>([
    ['nothing said: always', {}, ['2006-01-02 15:04', '2007-01-03 10:04'], []],
    ['an empty list: never', { weekdays: [] }, [], ['2006-01-02 15:04']],
    [
      'office hours',
      office,
      ['2020-05-04 15:04', '2020-05-05 10:04', '2020-06-09 09:04', '2020-07-08 09:00', '2020-07-08 16:59'],
      ['2020-05-03 15:04', '2020-05-04 08:59', '2020-05-05 05:00', '2020-07-08 17:00'],
    ],
    [
      'Easter 2020',
      { days_of_month: ['4:6'], months: ['april'], years: ['2020'] },
      ['2020-04-04 15:04', '2020-04-05 00:00', '2020-04-06 23:05'],
      ['2018-05-03 15:04', '2020-04-03 23:59', '2020-06-04 23:59', '2019-04-06 23:59', '2020-04-07 00:00'],
    ],
    [
      'the last three days',
      { days_of_month: ['-3:-1'] },
      ['2020-01-31 15:04', '2020-01-30 15:04', '2020-01-29 15:04', '2020-06-30 00:00', '2020-02-29 23:05'],
      ['2018-05-03 15:04', '2020-01-27 15:04', '2020-04-03 23:59', '2020-03-01 00:00'],
    ],
    [
      'days beyond the month',
      { months: ['6'], days_of_month: ['-31:-1'] },
      ['2020-06-30 00:00', '2020-06-01 00:00'],
      ['2020-05-31 00:00', '2020-07-01 00:00'],
    ],
    ['the 31st, which June lacks', { days_of_month: ['31'] }, ['2020-05-31 00:00'], ['2020-06-30 12:00']],
    ['Sydney', { ...office, location: 'Australia/Sydney' }, ['2021-04-06 13:00 +1000'], ['2021-04-06 13:00']],
    [
      'Sydney in summer',
      { ...office, months: ['november'], location: 'Australia/Sydney' },
      ['2021-11-01 09:00 +1100', '2021-10-31 22:00'],
      ['2021-10-31 21:00'],
    ],
    [
      'the last day of a month that lost an hour',
      { days_of_month: ['-1'], location: 'America/New_York' },
      ['2021-03-31 12:00 -0400', '2021-11-30 23:59 -0500'],
      ['2021-03-30 12:00 -0400'],
    ],
    [
      'the 29th of February',
      { months: ['february'], days_of_month: ['29'] },
      ['2028-02-29 12:00'],
      ['2027-02-28 12:00', '2028-02-28 23:59', '2028-03-01 00:00'],
    ],
    ['after 2038', { years: ['2038:2040'] }, ['2038-01-19 03:15', '2040-12-31 23:59'], ['2037-12-31 23:59', '2041-01-01 00:00']],
    [
      'until midnight',
      { times: [{ start_time: '23:00', end_time: '24:00' }] },
      ['2026-01-01 23:59'],
      ['2026-01-01 00:00', '2026-01-01 22:59'],
    ],
    [
      'a quarter in business hours',
      {
        weekdays: ['monday:friday', 'Sunday'],
        months: ['January:march'],
        days_of_month: ['-7:-1'],
        years: ['2020:2025', '2030:2035'],
        times: office.times,
      },
      ['2021-01-27 09:00', '2021-01-28 16:59', '2025-03-31 13:00', '2035-01-31 13:00'],
      ['2021-01-30 13:00', '2021-04-01 13:00', '2026-01-30 13:00', '2035-01-31 17:01'],
    ],
  ])('%s', (_, spec, inside, outside) => {
    const interval = parseTimeInterval(spec);
    expect(inside.filter((text) => !interval.contains(instant(text)))).toEqual([]);
    expect(outside.filter((text) => interval.contains(instant(text)))).toEqual([]);
  });
});

describe('daylight saving time', () => {
  const night = (location: string) => parseTimeInterval({ times: [{ start_time: '02:00', end_time: '03:00' }], location });
  const minutesInside = (interval: { contains(at: number): boolean }, from: string, hours: number): number =>
    Array.from({ length: hours * 60 }, (_, minute) => instant(from) + minute * MINUTE_MS).filter((at) => interval.contains(at))
      .length;

  test.each([
    ['Europe/Berlin', '2026-03-28 12:00', 24, 0],
    ['Europe/Berlin', '2026-10-24 12:00', 24, 120],
    ['America/New_York', '2026-03-07 18:00', 24, 0],
    ['America/New_York', '2026-10-31 18:00', 24, 60],
    ['Australia/Lord_Howe', '2026-10-03 03:00', 24, 30],
    ['Europe/Berlin', '2026-06-01 12:00', 24, 60],
  ])('02:00 to 03:00 in %s from %s on: %i hours have %i minutes of it', (location, from, hours, minutes) => {
    expect(minutesInside(night(location), from, hours)).toBe(minutes);
  });
});

describe('what is refused', () => {
  test.each<readonly [TimeIntervalSpec, readonly (string | number)[], string]>([
    [
      { times: [{ start_time: '01:99', end_time: '23:59' }] },
      ['times', 0, 'start_time'],
      '"01:99" is not a time; expected 00:00 to 24:00',
    ],
    [
      { times: [{ start_time: '00:00', end_time: '99:99' }] },
      ['times', 0, 'end_time'],
      '"99:99" is not a time; expected 00:00 to 24:00',
    ],
    [
      { times: [{ start_time: '12:30', end_time: '24:01' }] },
      ['times', 0, 'end_time'],
      '"24:01" is not a time; expected 00:00 to 24:00',
    ],
    [
      { times: [{ start_time: '9:00', end_time: '10:00' }] },
      ['times', 0, 'start_time'],
      '"9:00" is not a time; expected 00:00 to 24:00',
    ],
    [
      { times: [{ start_time: '17:31', end_time: '17:31' }] },
      ['times', 0],
      'start_time has to be before end_time; for a night write two: until 24:00, and from 00:00',
    ],
    [
      { times: [{ start_time: '22:00', end_time: '06:00' }] },
      ['times', 0],
      'start_time has to be before end_time; for a night write two: until 24:00, and from 00:00',
    ],
    [
      { weekdays: ['monday', 'friday:monday'] },
      ['weekdays', 1],
      '"friday:monday": the first day has to be before the last; a week starts on sunday, so write two ranges',
    ],
    [
      { weekdays: ['1:3'] },
      ['weekdays', 0],
      '"1:3": expected weekdays by name (sunday, monday, tuesday, wednesday, thursday, friday, saturday)',
    ],
    [{ weekdays: ['mon:tue:wed'] }, ['weekdays', 0], '"mon:tue:wed": expected one value, or a range FROM:TO'],
    [
      { days_of_month: ['0'] },
      ['days_of_month', 0],
      '"0": expected days from 1 to 31, or from -31 to -1 counted from the end of the month',
    ],
    [
      { days_of_month: ['-50:-20'] },
      ['days_of_month', 0],
      '"-50:-20": expected days from 1 to 31, or from -31 to -1 counted from the end of the month',
    ],
    [
      { days_of_month: ['1:50'] },
      ['days_of_month', 0],
      '"1:50": expected days from 1 to 31, or from -31 to -1 counted from the end of the month',
    ],
    [
      { days_of_month: ['-15:5'] },
      ['days_of_month', 0],
      '"-15:5": the last day has to be counted from the end of the month when the first is',
    ],
    [{ days_of_month: ['10:-25'] }, ['days_of_month', 0], '"10:-25": the last day is always before the first'],
    [{ months: ['martius:june'] }, ['months', 0], '"martius:june": expected months by name or number'],
    [
      { months: ['december:january'] },
      ['months', 0],
      '"december:january": the first month has to be before the last; write two ranges',
    ],
    [{ years: ['2022:2020'] }, ['years', 0], '"2022:2020": the first year has to be before the last'],
    [{ years: ['MMXX'] }, ['years', 0], '"MMXX": expected years'],
    [
      { location: 'Mars/Olympus' },
      ['location'],
      '"Mars/Olympus" is not a time zone; expected UTC, Local or a name such as Europe/Berlin',
    ],
    [{ location: '+01:00' }, ['location'], '"+01:00" is not a time zone; expected UTC, Local or a name such as Europe/Berlin'],
  ])('%j', (spec, path, message) => {
    const parse = (): unknown => parseTimeInterval(spec);
    expect(parse).toThrow(TimeIntervalError);
    expect(parse).toThrow(message);
    expect(errorOf(parse)).toMatchObject({ path });
  });

  test('in a file, each at its place', () => {
    const source = [
      'name: x',
      'time_intervals:',
      '  - weekdays: [monday, funday]',
      '  - { times: [{ start_time: "09:00" }], yaers: [2026] }',
      '  - { days_of_month: [1, "5:10"], years: [2026], months: }',
      '',
    ].join('\n');
    const result = parseYaml('f.yml', source);
    if ('problems' in result) throw new Error('not YAML');
    const checked = checkYaml(result.yaml, timeIntervalSchema);
    expect('problems' in checked && checked.problems.map(formatProblem)).toEqual([
      'f.yml:3:24: error: "funday": expected weekdays by name (sunday, monday, tuesday, wednesday, thursday, friday, saturday)',
      "f.yml:4:15: error: 'end_time' is missing",
      "f.yml:4:41: error: unknown key 'yaers', did you mean 'years'?",
    ]);
  });
});

describe('the first unmuted minute', () => {
  const named = (...specs: readonly TimeIntervalSpec[]) => [{ name: 'n', intervals: specs.map(parseTimeInterval) }];

  test.each([
    [
      'a maintenance window',
      named({ weekdays: ['sunday'], times: [{ start_time: '02:00', end_time: '04:00' }] }),
      [],
      '2026-11-22 02:30',
      '2026-11-22 04:00',
    ],
    [
      'a night in two parts',
      named({ times: [{ start_time: '22:00', end_time: '24:00' }] }, { times: [{ start_time: '00:00', end_time: '06:00' }] }),
      [],
      '2026-11-22 22:10',
      '2026-11-23 06:00',
    ],
    ['only in business hours', [], named({ ...office, location: 'Europe/Berlin' }), '2026-11-20 18:00', '2026-11-23 08:00'],
    ['not muted at all', named(office), [], '2026-11-22 10:00', '2026-11-22 10:00'],
    [
      'into summer time',
      [],
      named({ times: [{ start_time: '03:00', end_time: '04:00' }], location: 'Europe/Berlin' }),
      '2026-03-28 23:00',
      '2026-03-29 01:00',
    ],
    ['a whole year', named({ years: ['2027'] }), [], '2027-01-01 00:00', '2028-01-01 00:00'],
  ])('%s', (_, mute, active, from, until) => {
    const times = createMuteTimes(mute, active);
    expect(times.unmutedAt(instant(from))).toBe(instant(until));
  });

  test('is unknown when there is none within a year', () => {
    expect(createMuteTimes(named({}), []).unmutedAt(0)).toBeUndefined();
    expect(createMuteTimes([], named({ years: ['2020'] })).unmutedAt(instant('2026-01-01 00:00'))).toBeUndefined();
    expect(createMuteTimes([], [{ name: 'empty', intervals: [] }]).unmutedAt(0)).toBeUndefined();
  });

  test(`${INTERVALS} generated intervals: jumping finds what looking at every minute finds`, () => {
    const clock = fc
      .integer({ min: 0, max: 96 })
      .map((quarter) => `${String(Math.floor(quarter / 4)).padStart(2, '0')}:${String((quarter % 4) * 15).padStart(2, '0')}`);
    const times = fc
      .uniqueArray(clock, { minLength: 2, maxLength: 2 })
      .map((pair) => pair.toSorted())
      .map(([start_time = '', end_time = '']) => ({ start_time, end_time }));
    const spec = fc.record(
      {
        times: fc.array(times, { maxLength: 2 }),
        weekdays: fc.subarray(['sunday', 'monday:tuesday', 'saturday']),
        days_of_month: fc.subarray(['-1', '1', '28:30', '8']),
        location: fc.constantFrom(
          'Europe/Berlin',
          'America/New_York',
          'Australia/Lord_Howe',
          'Asia/Kolkata',
          'Pacific/Apia',
          'UTC',
        ),
      },
      { requiredKeys: [] },
    );
    const from = fc
      .tuple(
        fc.constantFrom(
          '2026-03-28 00:00',
          '2026-10-24 00:00',
          '2026-03-07 12:00',
          '2026-10-31 12:00',
          '2026-10-03 00:00',
          '2011-12-29 00:00',
          '2028-02-28 06:00',
        ),
        fc.integer({ min: 0, max: 2 * 1_440 }),
      )
      .map(([start, minutes]) => instant(start) + minutes * MINUTE_MS);
    const horizonMs = 3 * 86_400_000;
    fc.assert(
      fc.property(fc.array(spec, { minLength: 1, maxLength: 2 }), from, fc.boolean(), (specs, start, wanted) => {
        const intervals = specs.map(parseTimeInterval);
        const holds = (at: number): boolean => intervals.some((interval) => interval.contains(at)) === wanted;
        let expected: number | undefined;
        for (let at = start; expected === undefined && at <= start + horizonMs; at += 5 * MINUTE_MS) if (holds(at)) expected = at;
        expect(firstInstant(start, intervals, holds, horizonMs)).toBe(
          expected === undefined ? undefined : earliest(expected, start, holds),
        );
      }),
      { numRuns: INTERVALS },
    );
  });
});

/** The generated intervals begin on quarters of an hour, so between two looks the first minute is close by. */
function earliest(found: number, start: number, holds: (at: number) => boolean): number {
  let at = found;
  while (at - MINUTE_MS >= start && holds(at - MINUTE_MS)) at -= MINUTE_MS;
  return at;
}

function errorOf(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  }
}
