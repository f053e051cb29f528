import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseTimeInterval, uniteIntervals, type TimeIntervalSpec } from '../src/domain/time-interval.ts';
import type { NamedTimeInterval } from '../src/domain/settings.ts';
import { lookAtWindows, type WindowTold } from '../src/domain/window-news.ts';
import { Secret } from '../src/domain/secret.ts';
import { VirtualClock } from '../src/rule-tests/virtual-clock.ts';
import { tellOfWindows } from '../src/schedules/maintenance-windows.ts';
import { SqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { loadConfig } from '../src/config/load-config.ts';
import { createTemporaryDirectory } from './support/servers/temporary-directory.ts';
import { buildPlan, buildRule, buildRuleSet } from './support/build-rule.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const interval = (...specs: readonly TimeIntervalSpec[]) => uniteIntervals(specs.map(parseTimeInterval));
const at = (text: string): number => Date.parse(text);

const SUNDAYS: TimeIntervalSpec = { weekdays: ['sunday'], times: [{ start_time: '02:00', end_time: '04:00' }] };
const NIGHTS: TimeIntervalSpec = { times: [{ start_time: '02:00', end_time: '04:00' }] };
const FREEZE: TimeIntervalSpec = { months: ['december'], days_of_month: ['24:26'], years: ['2026'] };

/** What is told when somebody looks whenever it is time, from one instant to another. */
function story(window: ReturnType<typeof interval>, announceMs: number, from: string, to: string): readonly string[] {
  const lines: string[] = [];
  let told: WindowTold | null = null;
  for (let now = at(from); now <= at(to);) {
    const look = lookAtWindows(window, announceMs, told, now);
    for (const { phase, beginAt, endAt } of look.news)
      lines.push(
        `${new Date(now).toISOString().slice(0, 16)} ${phase} ${new Date(beginAt).toISOString().slice(5, 16)} ${new Date(endAt).toISOString().slice(5, 16)}`,
      );
    told = look.told;
    expect(look.nextAt).toBeGreaterThan(now);
    now = look.nextAt;
  }
  return lines;
}

describe('the news of maintenance windows', () => {
  it('are told a day before, at the begin and at the end', () => {
    expect(story(interval(SUNDAYS), DAY_MS, '2026-11-20T00:00:00Z', '2026-11-29T01:00:00Z')).toEqual([
      '2026-11-21T02:00 announced 11-22T02:00 11-22T04:00',
      '2026-11-22T02:00 begun 11-22T02:00 11-22T04:00',
      '2026-11-22T04:00 ended 11-22T04:00 11-22T04:00',
      '2026-11-28T02:00 announced 11-29T02:00 11-29T04:00',
    ]);
  });

  it('are no news for a quiet time of every night', () => {
    expect(story(interval(NIGHTS), DAY_MS, '2026-11-20T00:00:00Z', '2026-11-25T00:00:00Z')).toEqual([]);
    expect(story(interval(NIGHTS), HOUR_MS, '2026-11-20T00:00:00Z', '2026-11-20T05:00:00Z')).toHaveLength(3);
  });

  it('are told late rather than not at all', () => {
    expect(story(interval(SUNDAYS), DAY_MS, '2026-11-22T01:00:00Z', '2026-11-22T05:00:00Z')).toEqual([
      '2026-11-22T01:00 announced 11-22T02:00 11-22T04:00',
      '2026-11-22T02:00 begun 11-22T02:00 11-22T04:00',
      '2026-11-22T04:00 ended 11-22T04:00 11-22T04:00',
    ]);
    expect(story(interval(SUNDAYS), DAY_MS, '2026-11-22T03:00:00Z', '2026-11-22T03:59:00Z')).toEqual([
      '2026-11-22T03:00 begun 11-22T02:00 11-22T04:00',
    ]);
  });

  it('are of one window over several days', () => {
    expect(story(interval(FREEZE), DAY_MS, '2026-11-20T00:00:00Z', '2027-06-01T00:00:00Z')).toEqual([
      '2026-12-23T00:00 announced 12-24T00:00 12-27T00:00',
      '2026-12-24T00:00 begun 12-24T00:00 12-27T00:00',
      '2026-12-27T00:00 ended 12-27T00:00 12-27T00:00',
    ]);
  });

  it('say nothing of an end that nobody was there for, when it is long ago', () => {
    const told: WindowTold = { endAt: at('2026-11-22T04:00:00Z'), phase: 'begun' };
    expect(lookAtWindows(interval(SUNDAYS), DAY_MS, told, at('2026-11-22T09:00:00Z')).news).toMatchObject([{ phase: 'ended' }]);
    expect(lookAtWindows(interval(SUNDAYS), DAY_MS, told, at('2026-11-24T09:00:00Z')).news).toEqual([]);
  });

  it('know a window without an end', () => {
    const always: TimeIntervalSpec = { years: ['2026:2099'] };
    expect(lookAtWindows(interval(always), DAY_MS, null, at('2026-01-01T00:00:00Z')).news).toMatchObject([
      { phase: 'begun', endAt: 0 },
    ]);
  });
});

describe('people', () => {
  let store: SqliteStore;
  let clock: VirtualClock;
  let texts: string[];

  beforeEach(async () => {
    clock = new VirtualClock(at('2026-11-21T03:00:00Z'));
    store = new SqliteStore({ path: ':memory:', clock });
    await store.open();
    texts = [];
  });
  afterEach(() => store.close());

  const window = (more: Partial<NamedTimeInterval> = {}): NamedTimeInterval => ({
    name: 'weekly',
    definition: {},
    interval: interval(SUNDAYS),
    announceMs: DAY_MS,
    ...more,
  });
  const slackOf = (place: string) => ({ slack: { source: place, render: () => place, renderForPeople: () => place } });
  const RULES = [
    buildRule({ name: 'a', mutedBy: ['weekly'], notify: slackOf('#dba') }),
    buildRule({ name: 'b', mutedBy: ['weekly'], responseTo: () => buildPlan({ notify: { slack: '#alerts' } }) }),
    buildRule({ name: 'c', mutedBy: ['weekly'] }),
    buildRule({ name: 'never', notify: slackOf('#other') }),
    buildRule({ name: 'tells', mutedBy: ['weekly'], rungs: [] }),
  ];

  async function look(timeIntervals = [window()]): Promise<void> {
    await tellOfWindows({
      store,
      clock,
      rules: () => buildRuleSet(RULES),
      settings: () => ({
        timeIntervals: new Map(timeIntervals.map((each) => [each.name, each])),
        slack: { botToken: new Secret('xoxb-test'), defaultChannel: '#incidents' },
      }),
      onWindowNews: (news) => void texts.push(...news),
      onFault: () => undefined,
    });
  }
  const notices = async () => (await store.listNotifications({ limit: 50 })).map(({ place, purpose }) => `${place} ${purpose}`);

  it('are told where the rules that are muted tell them, each once', async () => {
    await look();
    await look();
    expect(texts).toEqual([
      'maintenance window weekly from 2026-11-22T02:00:00Z to 2026-11-22T04:00:00Z: automation of 3 rules will be muted',
    ]);
    expect((await notices()).sort()).toEqual(['#alerts notice', '#dba notice', '#incidents notice']);
    await clock.advance(23 * HOUR_MS);
    await look();
    await clock.advance(2 * HOUR_MS);
    await look();
    expect(texts.slice(1)).toEqual([
      'maintenance window weekly has begun, from 2026-11-22T02:00:00Z to 2026-11-22T04:00:00Z: automation of 3 rules is muted',
      'maintenance window weekly is over: automation of 3 rules is no longer muted by it',
    ]);
    expect(await notices()).toHaveLength(9);
  });

  it('are told nothing with `announce: 0s`, or where no rule is muted by it', async () => {
    await look([window({ announceMs: 0 }), window({ name: 'unused' })]);
    expect(await notices()).toEqual([]);
  });

  it('are told when the clock is right again that was months ahead', async () => {
    clock.stepWallClock(300 * DAY_MS);
    await look();
    clock.stepWallClock(-300 * DAY_MS);
    const before = texts.length;
    await look();
    expect(texts.slice(before)).toEqual([
      'maintenance window weekly from 2026-11-22T02:00:00Z to 2026-11-22T04:00:00Z: automation of 3 rules will be muted',
    ]);
  });

  it('are told anew of a window that was moved', async () => {
    await look();
    await look([
      window({
        definition: { moved: true },
        interval: interval({ ...SUNDAYS, times: [{ start_time: '01:00', end_time: '02:00' }] }),
      }),
    ]);
    expect(texts).toHaveLength(2);
  });
});

describe('`announce` in the configuration', () => {
  it('is a day unless it is said', async () => {
    const folder = createTemporaryDirectory('announce');
    writeFileSync(
      join(folder.path, 'remedyd.yml'),
      'time_intervals: [{ name: a }, { name: b, announce: 2h }, { name: c, announce: 0s }, { name: d, announce: 0 }]',
    );
    const { settings, problems } = await loadConfig({ file: 'remedyd.yml', environment: {}, workingDirectory: folder.path });
    folder.remove();
    expect(problems).toEqual([]);
    expect([...(settings?.timeIntervals.values() ?? [])].map(({ announceMs }) => announceMs)).toEqual([
      DAY_MS,
      2 * HOUR_MS,
      0,
      0,
    ]);
  });
});
