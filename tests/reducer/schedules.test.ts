import type { Rule, TextTemplate } from '../../src/domain/rule.ts';
import { ExpressionError } from '../../src/domain/scope.ts';
import type { ScheduleState } from '../../src/domain/state.ts';
import { compileCron } from '../../src/schema/compile-cron.ts';
import {
  buildCheck,
  buildRule,
  buildRung,
  buildStep,
  buildVerify,
  condition,
  stubRemediation,
  type RuleOptions,
} from '../support/build-rule.ts';
import { MINUTE, SECOND, Stage, person } from './stage.ts';

const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const change = stubRemediation('stub.change');
const read = stubRemediation('stub.read', 'read');
const bob = person('bob');

const FIXED: TextTemplate = { source: 'backup/main', render: () => 'backup/main', renderForPeople: () => 'backup/main' };

/** A rule that the clock starts; the stage begins at noon. */
function byClock(cron: string, more: RuleOptions & { readonly timezone?: string; readonly catchUpMs?: number } = {}): Rule {
  const { timezone = 'UTC', catchUpMs = 0, ...options } = more;
  const schedule = { times: compileCron(cron, timezone), catchUpMs, digest: `${cron} ${timezone}` };
  const rungs = [buildRung([buildStep('dump', change)])];
  return buildRule({ name: 'backup', onAlerts: false, target: FIXED, rungs, schedule, ...options });
}

/** A daemon with these rules that has just begun. */
function started(...rules: readonly Rule[]): Stage {
  const stage = new Stage(rules);
  stage.apply({ kind: 'booted', downtimeMs: 0 });
  return stage;
}

function scheduleOf(stage: Stage, name = 'backup'): ScheduleState {
  const found = stage.state.schedules.find((row) => row.name === name);
  if (found === undefined) throw new Error(`${name} has no schedule`);
  return found;
}

/** The skips so far, as `reason × count`. */
const skips = (stage: Stage): readonly string[] =>
  stage.signals.flatMap((signal) => (signal.kind === 'schedule_skipped' ? [`${signal.reason} × ${signal.count}`] : []));

describe('a rule with a schedule', () => {
  test('runs at its time, without an alert and without an incident', () => {
    const stage = started(byClock('30 12 * * *'));
    stage.pass(30 * MINUTE - 1);
    expect(stage.state.runs).toEqual([]);
    stage.pass(1);
    expect(stage.run).toMatchObject({
      state: 'running',
      trigger: 'schedule',
      actor: null,
      incidentId: null,
      target: 'backup/main',
      createdAt: stage.now,
    });
    expect(stage.claims).toEqual(['target:backup/main']);
    stage.change();
    expect(stage.ending).toEqual(['ended', 'completed', null]);
    expect(stage.claims).toEqual([]);
    expect(stage.state.incidents).toEqual([]);
    expect(scheduleOf(stage)).toMatchObject({
      lastAt: stage.now,
      nextAt: stage.now + DAY,
      liveRunId: null,
      lastRunId: stage.run.id,
      lastRunAt: stage.now,
      lastOutcome: 'completed',
      lastSkipAt: null,
    });
    expect(stage.signals).toContainEqual({ kind: 'scheduled_run', rule: 'backup', outcome: 'completed', runId: stage.run.id });
  });

  test('runs again and again', () => {
    const stage = started(byClock('*/10 * * * *'));
    for (let round = 0; round < 3; round += 1) {
      stage.pass(10 * MINUTE);
      stage.change();
    }
    expect(stage.state.runs.map(({ outcome }) => outcome)).toEqual(['completed', 'completed', 'completed']);
  });

  test('has its parameters by their defaults', () => {
    const stage = started(byClock('30 12 * * *', { params: { keep: { type: 'duration', default: '7d' } } }));
    stage.pass(HOUR);
    expect(stage.run.params).toEqual({ keep: 7 * DAY });
  });

  test('is verified by its checks', () => {
    const isOk = condition('output.ok', ({ output }) => output?.['ok'] === true);
    const stage = started(
      byClock('30 12 * * *', { verify: buildVerify({ checks: [buildCheck(read, isOk)], needsResolved: true }) }),
    );
    stage.pass(30 * MINUTE);
    stage.change();
    stage.pass(1 * SECOND, true);
    expect(stage.ending).toEqual(['ended', 'verified', null]);
  });

  test('opens an incident when it does not end well', () => {
    const stage = started(byClock('30 12 * * *'));
    stage.pass(30 * MINUTE);
    stage.planned();
    stage.fail('act', 'rejected');
    expect(stage.ending).toEqual(['ended', 'failed', 'rejected']);
    expect(stage.incident).toMatchObject({ rule: 'backup', status: 'triggered', escalationLevel: 1 });
    expect(stage.told('note')).toContain(`backup/main: run ${stage.run.id} was started by its schedule`);
    expect(scheduleOf(stage)).toMatchObject({ lastOutcome: 'failed' });
  });

  test('asks where its mode says so, in an incident', () => {
    const stage = started(byClock('30 12 * * *', { mode: 'approve' }));
    stage.pass(30 * MINUTE);
    stage.ask();
    expect(stage.run).toMatchObject({ state: 'held', reason: 'approval', incidentId: stage.incident.id });
    expect(stage.approve(bob)).toMatchObject({ ok: true });
    stage.change();
    expect(stage.ending).toEqual(['ended', 'completed', null]);
    expect(stage.incident.status).toBe('resolved');
  });

  test('is not stopped by limits, and counts in them', () => {
    const safety = { cooldownMs: HOUR, maxRuns: [{ count: 1, windowMs: DAY }], maxTargets: { windows: [] } };
    const alerted = buildRule({ target: FIXED, safety });
    const stage = started(byClock('*/10 * * * *', { safety, delayMs: HOUR, cancelWindowMs: HOUR }), alerted);
    stage.pass(10 * MINUTE);
    stage.change();
    stage.pass(10 * MINUTE - 1 * SECOND);
    stage.fire();
    expect(stage.run).toMatchObject({ rule: 'restart', state: 'held', reason: 'rate_limited' });
    stage.pass(1 * SECOND);
    stage.change();
    expect(stage.run).toMatchObject({ rule: 'backup', outcome: 'completed' });
  });
});

describe('a rule that observes', () => {
  test('is not run: what it would do is on the run', () => {
    const stage = started(byClock('30 12 * * *', { mode: 'observe' }));
    stage.pass(30 * MINUTE);
    expect(stage.ending).toEqual(['ended', 'suppressed', 'observe_mode']);
    expect(stage.underWay).toEqual(['preview']);
    const runId = stage.run.id;
    stage.apply({
      kind: 'previewed',
      runId,
      steps: [{ address: '0:steps/dump', id: 'dump', uses: 'stub.change', summary: 'would dump it' }],
    });
    expect(stage.timeline).toContainEqual(expect.objectContaining({ runId, text: 'dump: would dump it' }));
    expect(skips(stage)).toEqual([]);
    expect(scheduleOf(stage)).toMatchObject({ lastRunId: runId, lastOutcome: 'suppressed' });
  });

  test('runs if it only reads', () => {
    const stage = started(byClock('30 12 * * *', { mode: 'observe', rungs: [buildRung([buildStep('look', read)])] }));
    stage.pass(30 * MINUTE);
    stage.succeed('read');
    expect(stage.ending).toEqual(['ended', 'completed', null]);
  });
});

describe('a tick that finds no way', () => {
  test.each([
    ['paused', {}, (stage: Stage) => stage.pause()],
    ['muted', { muteTimes: { isMuted: () => true, unmutedAt: () => undefined } }, () => undefined],
    [
      'cause_firing',
      { unlessFiring: [{ matches: (labels: Readonly<Record<string, string>>) => labels['alertname'] === 'Cause', equal: [] }] },
      (stage: Stage) => stage.fire({ alertname: 'Cause' }),
    ],
  ])('is skipped at once: %s', (reason, more, arrange) => {
    const stage = started(byClock('30 12 * * *', more));
    arrange(stage);
    stage.pass(30 * MINUTE);
    expect(stage.ending).toEqual(['ended', 'suppressed', reason]);
    expect(skips(stage)).toEqual([`${reason} × 1`]);
    expect(scheduleOf(stage)).toMatchObject({ lastSkipAt: stage.now, lastSkipReason: reason, lastRunId: null, liveRunId: null });
    expect(stage.state.incidents).toEqual([]);
  });

  test('is skipped while the breaker is open', () => {
    const stage = started(byClock('*/10 * * * *', { safety: { breaker: { count: 1, windowMs: DAY } } }));
    stage.pass(10 * MINUTE);
    stage.planned();
    stage.fail('act', 'rejected');
    stage.pass(10 * MINUTE);
    expect(stage.ending).toEqual(['ended', 'suppressed', 'breaker_open']);
    stage.rearm('backup');
    stage.pass(10 * MINUTE);
    expect(stage.run.state).toBe('running');
  });

  test('waits for its target for ten minutes', () => {
    const stage = started(byClock('30 12 * * *'), buildRule({ target: FIXED }));
    stage.pass(25 * MINUTE);
    stage.fire();
    stage.planned();
    stage.pass(5 * MINUTE);
    expect(stage.run).toMatchObject({ rule: 'backup', state: 'held', reason: 'target_busy' });
    stage.pass(9 * MINUTE);
    expect(stage.run.state).toBe('held');
    stage.succeed('act');
    stage.wake();
    stage.resolve();
    stage.pass(30 * SECOND);
    expect(stage.run).toMatchObject({ rule: 'backup', state: 'running' });
  });

  test('is skipped when its target is taken for longer, and nobody is called', () => {
    const stage = started(byClock('30 12 * * *'), buildRule({ target: FIXED, timeoutMs: DAY }));
    stage.pass(25 * MINUTE);
    stage.fire();
    stage.planned();
    stage.pass(15 * MINUTE);
    expect(stage.run).toMatchObject({ rule: 'backup', outcome: 'suppressed', reason: 'target_busy' });
    expect(skips(stage)).toEqual(['target_busy × 1']);
    expect(stage.escalations).toEqual([]);
  });

  test('waits for a free slot, then is skipped', () => {
    const stage = new Stage([byClock('30 12 * * *'), buildRule({ timeoutMs: DAY })], { maxConcurrentRuns: 1 });
    stage.apply({ kind: 'booted', downtimeMs: 0 });
    stage.fire();
    stage.pass(30 * MINUTE);
    expect(stage.run).toMatchObject({ rule: 'backup', state: 'held', reason: 'concurrency' });
    stage.pass(10 * MINUTE);
    expect(stage.run).toMatchObject({ outcome: 'suppressed', reason: 'concurrency' });
  });

  test('is skipped when its target has no value', () => {
    const render = (): never => {
      throw new ExpressionError('missing_value', 'vars.x has no value');
    };
    const stage = started(byClock('30 12 * * *', { target: { source: '{{ vars.x }}', render, renderForPeople: () => '–' } }));
    stage.pass(30 * MINUTE);
    expect(stage.state.runs).toEqual([]);
    expect(skips(stage)).toEqual(['missing_value × 1']);
  });
});

describe('runs of one rule do not overlap', () => {
  test.each([
    ['change', [buildRung([buildStep('dump', change)])], (stage: Stage) => stage.succeed('act')],
    ['only read', [buildRung([buildStep('dump', read)])], (stage: Stage) => stage.succeed('read')],
  ] as const)('one waits for the one before it, and no more than one: they %s', (_name, rungs, end) => {
    const stage = started(byClock('* * * * *', { rungs }));
    stage.pass(1 * MINUTE);
    if (stage.underWay.includes('plan')) stage.planned();
    stage.pass(3 * MINUTE);
    expect(stage.state.runs.map(({ state, reason }) => [state, reason])).toEqual([
      ['running', null],
      ['held', 'target_busy'],
    ]);
    expect(skips(stage)).toEqual(['target_busy × 1', 'target_busy × 1']);
    end(stage);
    stage.wake();
    expect(stage.state.runs.map(({ state }) => state)).toEqual(['ended', 'running']);
  });
});

describe('ticks that were missed', () => {
  test.each([
    ['0: all are skipped', 0, 5 * HOUR, ['missed × 5'], 0, 0],
    ['6h: the newest runs', 6 * HOUR, 5 * HOUR + 20 * MINUTE, ['missed × 4'], 1, 1],
    ['10m: the newest is too old', 10 * MINUTE, 5 * HOUR + 20 * MINUTE, ['missed × 5'], 0, 0],
  ])('by a downtime, with catch_up %s', (_name, catchUpMs, downMs, skipped, runs, hoursBefore) => {
    const stage = started(byClock('0 * * * *', { catchUpMs }));
    stage.pass(30 * MINUTE);
    stage.crash(downMs);
    expect(skips(stage)).toEqual(skipped);
    expect(stage.state.runs).toHaveLength(runs);
    const newest = Math.floor(stage.now / HOUR) * HOUR;
    expect(scheduleOf(stage)).toMatchObject({
      lastAt: newest,
      lastSkipAt: newest - hoursBefore * HOUR,
      nextAt: Math.ceil(stage.now / HOUR) * HOUR,
    });
    stage.wake();
    expect(stage.state.runs).toHaveLength(runs);
  });

  test('by less than a minute run all the same', () => {
    const stage = started(byClock('0 * * * *'));
    stage.pass(59 * MINUTE + 50 * SECOND);
    stage.crash(40 * SECOND);
    expect(stage.state.runs).toHaveLength(1);
    expect(skips(stage)).toEqual([]);
  });

  test('in a year of minutes cost little, and are counted as far as anybody wants to know', () => {
    const stage = started(byClock('* * * * *', { catchUpMs: HOUR }));
    stage.crash(365 * DAY + 5 * SECOND);
    expect(stage.state.runs).toHaveLength(1);
    expect(stage.run.delayFrom).toBe(stage.now - 5 * SECOND);
    expect(skips(stage)).toEqual(['missed × 9999']);
  });

  test('by a forward step of the clock are skipped', () => {
    const stage = started(byClock('0 * * * *'));
    stage.now += 3 * HOUR - 5 * MINUTE;
    stage.wake();
    expect(skips(stage)).toEqual(['missed × 2']);
    expect(stage.state.runs).toEqual([]);
  });
});

describe('a clock that steps back', () => {
  test('runs no tick twice', () => {
    const stage = started(byClock('0 * * * *'));
    stage.pass(HOUR);
    stage.change();
    stage.now -= 30 * MINUTE;
    stage.pass(HOUR);
    expect(stage.state.runs).toHaveLength(1);
    stage.pass(30 * MINUTE);
    expect(stage.state.runs).toHaveLength(2);
  });

  test('by more than a day was wrong before: the schedule begins anew', () => {
    const stage = started(byClock('0 * * * *'));
    stage.now += 300 * DAY + 30 * MINUTE;
    stage.pass(30 * MINUTE);
    stage.change();
    stage.now -= 300 * DAY;
    stage.crash(0);
    expect(scheduleOf(stage)).toMatchObject({ lastAt: null, nextAt: Math.ceil((stage.now + 1) / HOUR) * HOUR });
  });

  test('before any tick was taken makes the first one due by the right clock', () => {
    const stage = new Stage([byClock('0 * * * *')]);
    const rightNow = stage.now;
    stage.now += 300 * DAY;
    stage.apply({ kind: 'booted', downtimeMs: 0 });
    stage.now = rightNow;
    stage.crash(0);
    expect(scheduleOf(stage)).toMatchObject({ lastAt: null, nextAt: rightNow + HOUR });
  });
});

describe('a crash', () => {
  test('between the tick and its first step loses no run and makes none twice', () => {
    const stage = started(byClock('30 12 * * *'));
    stage.now += 30 * MINUTE;
    stage.apply({ kind: 'scheduled' });
    expect(stage.run.state).toBe('pending');
    stage.crash(10 * SECOND);
    expect(stage.state.runs).toHaveLength(1);
    expect(stage.run.state).toBe('running');
    stage.apply({ kind: 'scheduled' });
    expect(stage.state.runs).toHaveLength(1);
  });
});

describe('a reload', () => {
  test('begins a new schedule, and one with other times, from now', () => {
    const stage = started(byClock('0 * * * *'));
    stage.pass(10 * MINUTE);
    stage.reload([byClock('5 * * * *'), byClock('30 12 * * *', { name: 'other' })]);
    expect(scheduleOf(stage).nextAt).toBe(stage.now + 55 * MINUTE);
    expect(scheduleOf(stage, 'other').nextAt).toBe(stage.now + 20 * MINUTE);
  });

  test('with the same times changes nothing', () => {
    const stage = started(byClock('0 * * * *'));
    const before = scheduleOf(stage);
    stage.pass(10 * MINUTE);
    stage.reload([byClock('0 * * * *', { digest: 'changed', catchUpMs: HOUR })]);
    expect(scheduleOf(stage)).toEqual(before);
  });

  test('without the rule leaves nothing behind', () => {
    const stage = started(byClock('0 * * * *'), byClock('30 12 * * *', { name: 'other' }));
    stage.reload([byClock('0 * * * *')]);
    expect(stage.state.schedules.map(({ name }) => name)).toEqual(['backup']);
  });

  test('without the rule skips a run that waits', () => {
    const stage = started(byClock('30 12 * * *'), buildRule({ target: FIXED, timeoutMs: DAY }));
    stage.fire();
    stage.planned();
    stage.pass(30 * MINUTE);
    expect(stage.run).toMatchObject({ state: 'held', reason: 'target_busy' });
    stage.reload([buildRule({ target: FIXED, timeoutMs: DAY })]);
    expect(stage.ending).toEqual(['ended', 'suppressed', 'rule_removed']);
    expect(skips(stage)).toEqual(['rule_removed × 1']);
  });
});

describe('what a step says without an incident', () => {
  const says = { kind: 'message', address: '0:steps/say', text: 'all is well' } as const;

  test('is a notice where the rule tells people, once for each step', () => {
    const slack: TextTemplate = { source: '#health', render: () => '#health', renderForPeople: () => '#health' };
    const stage = started(byClock('30 12 * * *', { notify: { slack } }));
    stage.pass(30 * MINUTE);
    const runId = stage.run.id;
    stage.apply({ ...says, runId });
    stage.apply({ ...says, runId });
    stage.apply({ ...says, runId, address: '0:steps/again' });
    expect(stage.state.notifications).toMatchObject([
      { id: `notice_${runId}/0:steps/say:slack:#health`, purpose: 'notice', text: 'all is well', incidentId: null, wanted: 1 },
      { id: `notice_${runId}/0:steps/again:slack:#health` },
    ]);
  });

  test('goes to the default channel where nothing else is said', () => {
    const stage = new Stage([byClock('30 12 * * *')], {}, { defaultChannel: '#incidents' });
    stage.apply({ kind: 'booted', downtimeMs: 0 });
    stage.pass(30 * MINUTE);
    stage.apply({ ...says, runId: stage.run.id });
    expect(stage.places).toEqual(['slack #incidents notice']);
  });

  test('is in the log where there is no place at all', () => {
    const stage = started(byClock('30 12 * * *'));
    stage.pass(30 * MINUTE);
    stage.apply({ ...says, runId: stage.run.id });
    expect(stage.signals).toContainEqual({
      kind: 'message_without_place',
      rule: 'backup',
      runId: stage.run.id,
      text: 'all is well',
    });
  });

  test('is told in the incident where the run has one', () => {
    const stage = new Stage([byClock('30 12 * * *', { mode: 'approve' })], {}, { defaultChannel: '#incidents' });
    stage.apply({ kind: 'booted', downtimeMs: 0 });
    stage.pass(30 * MINUTE);
    stage.ask();
    stage.apply({ ...says, runId: stage.run.id });
    expect(stage.places).toEqual(['slack #incidents message']);
    expect(stage.told('message')).toEqual(['all is well']);
  });
});
