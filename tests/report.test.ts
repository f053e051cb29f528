import fc from 'fast-check';
import { OUTCOMES } from '../src/domain/reason.ts';
import type { Incident, Run } from '../src/domain/state.ts';
import { SystemClock } from '../src/domain/system-clock.ts';
import { makeReport, type Report } from '../src/pipeline/report.ts';
import { reportMarkdown, reportMessage } from '../src/pipeline/report-text.ts';
import { SqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { load } from './support/rule-settings.ts';
import { changesOf, entryOf, incidentOf, notificationOf, runOf } from './support/store-rows.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SINCE = Date.UTC(2026, 10, 1);
const UNTIL = SINCE + 7 * DAY_MS;
const HISTORIES = 60;

const { ruleSet, problems } = load(`
escalation_policies:
  pages: [{ after: 5m, unless: [acknowledged, verified], notify: { pagerduty: production } }]
  talks: [{ after: 5m, notify: { slack: '#ops' } }]
rules:
  - { name: pages, matchers: ['alertname = "A"'], escalation_policy: pages, objectives: { rto: 30m } }
  - { name: talks, matchers: ['alertname = "B"'], escalation_policy: talks }
  - name: backup
    matchers: ['alertname = "C"']
    mode: auto
    target: backup/main
    steps: [{ id: pause, uses: wait, with: { duration: 1s } }]
    objectives: { rpo: 26h }
`);
if (ruleSet === undefined) throw new Error(problems.join('\n'));
const rules = ruleSet;

describe('the report', () => {
  let store: SqliteStore;
  beforeEach(async () => {
    store = new SqliteStore({ path: ':memory:', clock: new SystemClock() });
    await store.open();
  });
  afterEach(() => store.close());

  async function report(rows: Parameters<typeof changesOf>[0]): Promise<Report> {
    await store.transact((tx) => tx.save(changesOf(rows)));
    return makeReport(store, rules, { since: SINCE, until: UNTIL });
  }

  it('adds up what ran, what helped, what came back and what was held back', async () => {
    const made = await report({
      runs: [
        acted('r1', 1 * HOUR_MS, { outcome: 'verified', incidentId: 'i1' }),
        acted('r2', 2 * HOUR_MS, { outcome: 'verified', rung: 1, recurred: true }),
        acted('r3', 3 * HOUR_MS, { outcome: 'ineffective', reason: 'verification_failed' }),
        ended('r4', 4 * HOUR_MS, { outcome: 'suppressed', reason: 'observe_mode' }),
        acted('too early', -1, { outcome: 'verified' }),
        acted('too late', 7 * DAY_MS, { outcome: 'verified' }),
        runOf('live', { state: 'held', rule: 'pages' }),
      ],
      timeline: [held('r1', 'delay'), held('r1', 'delay'), held('r1', 'cooldown'), held('r3', 'cooldown')],
    });
    expect(made.total).toMatchObject({
      runs: 4,
      acted: 3,
      outcomes: { verified: 2, ineffective: 1, suppressed: 1 },
      recurred: 1,
      fixed_by: [1, 1],
      effectiveness: 1 / 3,
      suppressed: { observe_mode: 1 },
      held: { cooldown: 2, delay: 1 },
    });
    expect(made.targets).toEqual([
      {
        target: 'web-1',
        rules: ['pages'],
        acted: 3,
        verified: 2,
        recurred: 1,
        last_acted_at: '2026-11-01T03:00:00.000Z',
        needs_a_fix: true,
      },
    ]);
  });

  it('counts a page as avoided only where the policy pages, nobody was paged, and the repair was verified', async () => {
    const resolved = { status: 'resolved', closedAs: 'resolved', resolvedAt: SINCE + 10 * MINUTE_MS } as const;
    const made = await report({
      incidents: [
        incident('fixed', resolved),
        incident('paged', resolved),
        incident('by itself', resolved),
        incident('dismissed', { ...resolved, closedAs: 'dismissed' }),
        incident('talks', { ...resolved, rule: 'talks' }),
      ],
      runs: ['fixed', 'paged', 'dismissed', 'talks'].map((id) =>
        acted(`run of ${id}`, 5 * MINUTE_MS, { outcome: 'verified', incidentId: id, rule: id === 'talks' ? 'talks' : 'pages' }),
      ),
      notifications: [
        notificationOf('paged', { channel: 'pagerduty', place: 'ops', purpose: 'page', told: { state: 'triggered' } }),
        notificationOf('fixed', { channel: 'pagerduty', place: 'ops', purpose: 'page' }),
      ],
    });
    expect(made.total).toMatchObject({ incidents: 5, paged: 1, pages_avoided: 1 });
    expect(made.total.time_to_resolve).toMatchObject({ automated: { count: 3 }, by_people: { count: 1 } });
  });

  it('says whether objectives were held', async () => {
    const made = await report({
      incidents: [30, 31].map((minutes) =>
        incident(`took ${minutes}`, {
          status: 'resolved',
          closedAs: 'resolved',
          acknowledgedAt: SINCE + 2 * MINUTE_MS,
          resolvedAt: SINCE + minutes * MINUTE_MS,
        }),
      ),
      runs: [1, 2, 3, 5, 6].map((day) => ended(`backup ${day}`, day * DAY_MS, { rule: 'backup', outcome: 'completed' })),
    });
    const objectives = Object.fromEntries(made.rules.map((rule) => [rule.rule, rule.objectives]));
    expect(objectives).toEqual({
      pages: { rto: { seconds: 1_800, missed: 1, held: false }, rpo: null },
      backup: {
        rto: null,
        rpo: { seconds: 93_600, longest_gap_seconds: 172_800, last_success_at: '2026-11-07T00:00:00.000Z', held: false },
      },
    });
    expect(made.total.time_to_acknowledge).toEqual({ count: 2, mean_seconds: 120, median_seconds: 120, longest_seconds: 120 });
    expect(made.total.time_to_resolve.by_people).toMatchObject({ count: 2, mean_seconds: 1_830, median_seconds: 1_830 });
    expect(reportMarkdown(made)).toContain(
      '| backup | recovery point | 1d2h | longest gap 2d, last success 2026-11-07T00:00:00.000Z | NO |',
    );
    expect(reportMessage(made)).toContain(
      'Objectives missed: pages: 1 incident took longer than 30m; backup: 2d without success',
    );
  });

  it('shows a backup that does not run, although nothing is known of it in the time of the report', async () => {
    const rpoOf = async (windowMs: number): Promise<unknown> => {
      const made = await makeReport(store, rules, { since: UNTIL - windowMs, until: UNTIL }, 'backup');
      return made.rules.map(({ objectives }) => objectives.rpo);
    };
    expect(await rpoOf(DAY_MS)).toEqual([{ seconds: 93_600, longest_gap_seconds: 86_400, last_success_at: null, held: false }]);
    await report({ runs: [ended('backup', 5 * DAY_MS, { rule: 'backup', outcome: 'completed' })] });
    const missed = { seconds: 93_600, longest_gap_seconds: 172_800, last_success_at: '2026-11-06T00:00:00.000Z', held: false };
    expect(await rpoOf(DAY_MS)).toEqual([missed]);
    await report({ runs: [ended('failed', 6 * DAY_MS + HOUR_MS, { rule: 'backup', outcome: 'failed' })] });
    expect(await rpoOf(DAY_MS)).toEqual([missed]);
    await report({ runs: [ended('again', 6 * DAY_MS + HOUR_MS, { rule: 'backup', outcome: 'completed' })] });
    expect(await rpoOf(DAY_MS)).toEqual([
      { ...missed, longest_gap_seconds: 90_000, last_success_at: '2026-11-07T01:00:00.000Z', held: true },
    ]);
  });

  it('counts a run that failed before it changed anything among the runs, not among the changes', async () => {
    const made = await report({
      runs: [
        acted('helped', HOUR_MS, { outcome: 'verified' }),
        ...[2, 3, 4].map((hour) => ended(`no ${hour}`, hour * HOUR_MS, { rule: 'talks', outcome: 'failed' })),
        ended('looked', 5 * HOUR_MS, { rule: 'talks', outcome: 'verified' }),
      ],
    });
    expect(reportMessage(made)).toContain('\n5 runs, 1 changed something; 2 verified, 3 did not help, 0 came back\n');
    expect(reportMessage(made)).toContain('\nDid not help: talks: 3 of 4 runs did not help');
    expect(reportMarkdown(made)).toContain('| talks | 0 | 0 | 1 | 3 | 0 | – | 0 | 0 |');
  });

  it('is honest about nothing', async () => {
    const made = await makeReport(store, rules, { since: SINCE, until: UNTIL }, 'talks');
    expect(made.total).toMatchObject({ runs: 0, effectiveness: null, time_to_acknowledge: null });
    expect(reportMarkdown(made)).toBe(
      [
        '# What automation did, 2026-11-01T00:00:00.000Z to 2026-11-08T00:00:00.000Z',
        '',
        '- 0 incidents, 0 paged, 0 pages avoided',
        '- 0 runs, none changed anything',
        '- time to acknowledge: none',
        '- time to resolve: with a verified repair none; without none',
        '',
      ].join('\n'),
    );
  });

  it('counts every run once, however many there are and whenever they ended', async () => {
    const run = fc.record({ offset: fc.integer({ min: -3, max: 3 }), outcome: fc.constantFrom(...OUTCOMES), acts: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(run, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 400 }),
        async (given, copies) => {
          const own = new SqliteStore({ path: ':memory:', clock: new SystemClock() });
          await own.open();
          const rows = given.flatMap(({ offset, outcome, acts }, index) =>
            Array.from({ length: copies }, (_, copy) =>
              ended(`${index}-${copy}`, 7 * DAY_MS - 1 + offset, { outcome, actingAt: acts ? SINCE : null }),
            ),
          );
          await own.transact((tx) => tx.save(changesOf({ runs: rows })));
          const { total } = await makeReport(own, rules, { since: SINCE, until: UNTIL });
          await own.close();
          const inside = given.filter(({ offset }) => offset <= 0);
          expect(total.runs).toBe(inside.length * copies);
          expect(total.acted).toBe(inside.filter(({ acts }) => acts).length * copies);
          expect(Object.values(total.outcomes).reduce((sum, each) => sum + each, 0)).toBe(total.runs);
        },
      ),
      { numRuns: HISTORIES },
    );
  });
});

function ended(id: string, after: number, overrides: Partial<Run>): Run {
  return runOf(id, { rule: 'pages', incidentId: null, state: 'ended', endedAt: SINCE + after, ...overrides });
}

function acted(id: string, after: number, overrides: Partial<Run>): Run {
  return ended(id, after, { actingAt: SINCE + after - MINUTE_MS, ...overrides });
}

function held(runId: string, reason: 'delay' | 'cooldown') {
  return entryOf({ incidentId: null, runId, kind: 'run_held', reason });
}

function incident(id: string, overrides: Partial<Incident>): Incident {
  return incidentOf(id, { rule: 'pages', startedAt: SINCE, ...overrides });
}
