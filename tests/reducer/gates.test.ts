import type { GateName } from '../../src/domain/reason.ts';
import { GATES } from '../../src/domain/reason.ts';
import type { Notification } from '../../src/domain/state.ts';
import { gates } from '../../src/pipeline/gates/index.ts';
import { buildRule, buildRung, buildStep, stubRemediation, type RuleOptions } from '../support/build-rule.ts';
import { MINUTE, SECOND, Stage } from './stage.ts';

const HOUR = 60 * MINUTE;
const reads = [buildRung([buildStep('look', stubRemediation('stub.look', 'read'))])];

/** A run of another rule acts on `container/web`, and is over. */
function afterARepair(rule: RuleOptions): Stage {
  const first = buildRule({ name: 'first', digest: 'first', labels: { alertname: 'Slow' } });
  const stage = new Stage([first, buildRule(rule)]);
  stage.fire({ alertname: 'Slow' });
  stage.change();
  stage.resolve({ alertname: 'Slow' });
  stage.fire({ alertname: 'Down' });
  return stage;
}

function expectHeld(stage: Stage, gate: GateName, wakeAt: number | null): void {
  expect(stage.run).toMatchObject({ state: 'held', reason: gate, wakeAt });
}

test('the gates are judged in the order of the list of reasons; only approval is asked inside the run', () => {
  expect(gates.map((gate) => gate.name)).toEqual(GATES.filter((gate) => gate !== 'approval'));
});

test('a playbook that only reads passes paused, target_busy and concurrency only', () => {
  expect(gates.filter((gate) => gate.forReads).map((gate) => gate.name)).toEqual(['paused', 'target_busy', 'concurrency']);
});

test('an override is for every gate but paused, target_busy and silenced', () => {
  expect(gates.filter((gate) => !gate.overridable).map((gate) => gate.name)).toEqual(['paused', 'silenced', 'target_busy']);
});

describe('paused', () => {
  test('holds until a person resumes', () => {
    const stage = new Stage([buildRule()]);
    stage.pause();
    stage.fire();
    expectHeld(stage, 'paused', null);
    expect(stage.escalations).toEqual([]);
    stage.resume();
    expect(stage.run.state).toBe('running');
  });

  test('holds until it expires', () => {
    const stage = new Stage([buildRule()]);
    stage.pause(10 * MINUTE);
    stage.fire();
    expectHeld(stage, 'paused', stage.now + 10 * MINUTE);
    stage.pass(10 * MINUTE);
    expect(stage.run.state).toBe('running');
  });

  test('holds reading playbooks too', () => {
    const stage = new Stage([buildRule({ rungs: reads })]);
    stage.pause();
    stage.fire();
    expectHeld(stage, 'paused', null);
  });
});

describe('observe_mode', () => {
  test('suppresses, with a preview and with what the other gates would have said', () => {
    const stage = new Stage([buildRule({ mode: 'observe', delayMs: 1 * MINUTE })]);
    stage.fire();
    expect(stage.ending).toEqual(['ended', 'suppressed', 'observe_mode']);
    expect(stage.underWay).toEqual(['preview']);
    expect(stage.timeline.find((entry) => entry.kind === 'run_suppressed')?.text).toContain('delay would hold');
    expect(stage.run.frozen?.alerts).toHaveLength(1);
    expect(stage.claims).toEqual([]);
  });

  test('lets a person run it for real, which needs an approval', () => {
    const stage = new Stage([buildRule({ mode: 'observe' })]);
    stage.fire();
    stage.retry();
    expect(stage.run).toMatchObject({ state: 'running', trigger: 'retry' });
    stage.ask();
    expectHeld(stage, 'approval', stage.now + 30 * MINUTE);
  });

  test('overridden needs an approval as well', () => {
    const stage = new Stage([buildRule({ mode: 'observe' })]);
    stage.pause();
    stage.fire();
    stage.retry({ override: 'observe_mode', reason: 'it is down' });
    stage.resume();
    stage.ask();
    expectHeld(stage, 'approval', stage.now + 30 * MINUTE);
  });
});

describe('muted', () => {
  test('holds until the first unmuted minute, without an escalation', () => {
    const until = Date.UTC(2026, 0, 1, 18);
    const stage = new Stage([buildRule({ muteTimes: { isMuted: (at) => at < until, unmutedAt: () => until } })]);
    stage.fire();
    expectHeld(stage, 'muted', until);
    stage.pass(6 * HOUR);
    expect(stage.run.state).toBe('running');
    expect(stage.escalations).toEqual([]);
  });

  test('is looked at again daily when there is no end within a year', () => {
    const stage = new Stage([buildRule({ muteTimes: { isMuted: () => true, unmutedAt: () => undefined } })]);
    stage.fire();
    expectHeld(stage, 'muted', stage.now + 24 * HOUR);
  });
});

describe('silenced', () => {
  test('holds while all alerts of the line are suppressed in Alertmanager', () => {
    const stage = new Stage([buildRule({ labels: {} })]);
    stage.pause();
    stage.fire({ alertname: 'Down' });
    stage.fire({ alertname: 'Slow' });
    stage.reconcile('suppressed', { alertname: 'Down' });
    stage.reconcile('suppressed', { alertname: 'Slow' });
    stage.resume();
    expectHeld(stage, 'silenced', null);
    stage.reconcile('active', { alertname: 'Slow' });
    expect(stage.run.state).toBe('running');
  });
});

describe('unconfirmed', () => {
  test('holds what waited through a downtime of more than 60 s for 90 s', () => {
    const stage = new Stage([buildRule({ delayMs: 10 * MINUTE })]);
    stage.fire();
    stage.crash(61 * SECOND);
    expectHeld(stage, 'unconfirmed', stage.now + 90 * SECOND);
  });

  test('or until it is reconciled', () => {
    const stage = new Stage([buildRule()]);
    stage.pause();
    stage.fire();
    stage.crash(61 * SECOND);
    stage.resume();
    expect(stage.run.reason).toBe('unconfirmed');
    stage.reconcile('active');
    expect(stage.run.state).toBe('running');
  });

  test('does not hold after a short downtime', () => {
    const stage = new Stage([buildRule()]);
    stage.pause();
    stage.fire();
    stage.crash(60 * SECOND);
    stage.resume();
    expect(stage.run.state).toBe('running');
  });
});

describe('cause_firing', () => {
  const isHost = (labels: Readonly<Record<string, string>>): boolean => labels['alertname'] === 'HostDown';
  const rule = buildRule({ unlessFiring: [{ alertname: 'HostDown', matches: isHost, equal: ['host'] }] });

  test('holds while the cause fires with equal labels, taken by a rule or not', () => {
    const stage = new Stage([rule]);
    stage.fire({ alertname: 'HostDown', host: 'h1' });
    stage.fire({ host: 'h1' });
    expectHeld(stage, 'cause_firing', null);
    stage.resolve({ alertname: 'HostDown', host: 'h1' });
    stage.tick();
    expect(stage.run.state).toBe('running');
    expect(stage.escalations).toEqual([]);
  });

  test('does not hold for another host', () => {
    const stage = new Stage([rule]);
    stage.fire({ alertname: 'HostDown', host: 'h2' });
    stage.fire({ host: 'h1' });
    expect(stage.run.state).toBe('running');
  });
});

describe('acknowledged', () => {
  test('suppresses what has not started', () => {
    const stage = new Stage([buildRule({ delayMs: 1 * MINUTE })]);
    stage.fire();
    stage.acknowledge();
    expect(stage.ending).toEqual(['ended', 'suppressed', 'acknowledged']);
  });

  test('never stops what is running', () => {
    const stage = new Stage([buildRule()]);
    stage.fire();
    stage.acknowledge();
    expect(stage.run.state).toBe('running');
  });

  test('lets a person run it anyway', () => {
    const stage = new Stage([buildRule({ delayMs: 1 * MINUTE })]);
    stage.fire();
    stage.acknowledge();
    stage.pass(1 * MINUTE);
    stage.retry();
    expect(stage.run).toMatchObject({ state: 'running', trigger: 'retry' });
  });
});

describe('storm', () => {
  test('holds while too many episodes begin, escalates after an hour, and ends after 5 minutes below half', () => {
    const stage = new Stage([buildRule({ groupBy: ['name'] })], { storm: { count: 2, windowMs: 2 * HOUR } });
    stage.pause();
    for (const name of ['a', 'b', 'c']) stage.fire({ name });
    stage.resume();
    expectHeld(stage, 'storm', stage.now + 1 * HOUR);
    stage.pass(1 * HOUR);
    expect(stage.escalations).toEqual(['storm', 'storm', 'storm']);
    stage.now += 1 * HOUR + 1;
    stage.tick();
    expect(stage.run.state).toBe('held');
    stage.now += 5 * MINUTE;
    stage.tick();
    expect(stage.state.runs.every((run) => run.state === 'running')).toBe(true);
  });

  test('holds while too many runs acted', () => {
    const stage = new Stage([buildRule()], { maxRuns: { count: 1, windowMs: 10 * MINUTE } });
    stage.fire({ name: 'a' });
    stage.change();
    stage.fire({ name: 'b' });
    expect(stage.run.reason).toBe('storm');
    stage.retry({ override: 'storm', reason: 'only two' });
    expect(stage.run.state).toBe('running');
  });
});

describe('breaker_open', () => {
  const rule = { groupBy: ['name'], safety: { breaker: { count: 2, windowMs: 24 * HOUR } } };

  function afterFailures(): Stage {
    const stage = new Stage([buildRule(rule)]);
    for (const name of ['a', 'b']) {
      stage.fire({ name });
      stage.planned();
      stage.fail('act', 'rejected');
    }
    stage.fire({ name: 'c' });
    return stage;
  }

  test('holds and escalates at once, until a person re-arms it', () => {
    const stage = afterFailures();
    expectHeld(stage, 'breaker_open', null);
    expect(stage.escalations).toEqual(['rejected', 'rejected', 'breaker_open']);
    stage.rearm('restart');
    expect(stage.run.state).toBe('running');
  });

  test('counts nothing from before it was re-armed', () => {
    const stage = afterFailures();
    stage.rearm('restart');
    stage.planned();
    stage.fail('act', 'rejected');
    stage.fire({ name: 'd' });
    expect(stage.run.state).toBe('running');
  });

  test('does not count a run that changed nothing', () => {
    const stage = new Stage([buildRule(rule)]);
    for (const name of ['a', 'b', 'c']) {
      stage.fire({ name });
      stage.fail('plan', 'not_found');
    }
    expect(stage.state.breakers).toEqual([]);
  });

  test('counts a verified run whose alert came back', () => {
    const stage = new Stage([buildRule({ ...rule, safety: { breaker: { count: 1, windowMs: 24 * HOUR } } })]);
    stage.fire();
    stage.change();
    stage.now += 1 * SECOND;
    stage.resolve();
    stage.now += 1 * SECOND;
    stage.fire();
    expect(stage.state.runs[0]).toMatchObject({ outcome: 'verified', recurred: true });
    expect(stage.run.reason).toBe('breaker_open');
  });
});

describe('rate_limited', () => {
  test('holds and escalates at once, until the oldest acting run of any rule leaves the window', () => {
    const stage = afterARepair({ safety: { maxRuns: [{ count: 1, windowMs: 1 * HOUR }] } });
    expectHeld(stage, 'rate_limited', stage.now + 1 * HOUR);
    expect(stage.escalations).toEqual(['rate_limited']);
    stage.pass(1 * HOUR);
    expect(stage.run.state).toBe('running');
  });
});

describe('cooldown', () => {
  test('holds since the end of the last acting run on the target, by any rule', () => {
    const stage = afterARepair({ safety: { cooldownMs: 15 * MINUTE } });
    expectHeld(stage, 'cooldown', stage.now + 15 * MINUTE);
    stage.pass(15 * MINUTE);
    expect(stage.run.state).toBe('running');
    expect(stage.escalations).toEqual([]);
  });
});

describe('target_busy', () => {
  test('holds while another rule has the target, escalates after 30 minutes, and goes on at the release', () => {
    const first = buildRule({ name: 'first', digest: 'first', labels: { alertname: 'Slow' } });
    const stage = new Stage([first, buildRule()]);
    stage.fire({ alertname: 'Slow' });
    stage.fire({ alertname: 'Down' });
    expectHeld(stage, 'target_busy', stage.now + 30 * MINUTE);
    stage.pass(30 * MINUTE);
    expect(stage.escalations).toEqual(['target_busy']);
    stage.fail('plan', 'not_found');
    expect(stage.run.state).toBe('running');
  });

  test('wakes the most urgent first', () => {
    const rules = ['first', 'second', 'third'].map((name) => buildRule({ name, digest: name, labels: { alertname: name } }));
    const stage = new Stage(rules);
    stage.fire({ alertname: 'first' });
    stage.fire({ alertname: 'second', severity: 'info' });
    stage.fire({ alertname: 'third', severity: 'critical' });
    const waiting = stage.state.runs.map((run) => run.wakeAt);
    expect(waiting).toEqual([null, stage.now + 30 * MINUTE, stage.now + 30 * MINUTE]);
  });
});

describe('blast_radius', () => {
  test('holds while the rule works on as many targets as it may', () => {
    const stage = new Stage([buildRule({ safety: { maxTargets: { atOnce: 1, windows: [] } } })]);
    stage.fire({ name: 'a' });
    stage.fire({ name: 'b' });
    expectHeld(stage, 'blast_radius', stage.now + 30 * MINUTE);
    stage.pass(30 * MINUTE);
    expect(stage.escalations).toEqual(['blast_radius']);
    stage.fail('plan', 'not_found');
    expect(stage.run.state).toBe('running');
  });

  test('holds when it acted on as many distinct targets per window as it may', () => {
    const stage = new Stage([buildRule({ safety: { maxTargets: { windows: [{ count: 2, windowMs: 1 * HOUR }] } } })]);
    for (const name of ['a', 'b']) {
      stage.fire({ name });
      stage.change();
      stage.resolve({ name });
    }
    stage.fire({ name: 'c' });
    expect(stage.run).toMatchObject({ state: 'held', reason: 'blast_radius', wakeAt: stage.now + 30 * MINUTE });
    stage.pass(1 * HOUR);
    expect(stage.run.state).toBe('running');
  });
});

describe('concurrency', () => {
  test('holds while as many runs are running as may, and escalates after 15 minutes', () => {
    const stage = new Stage([buildRule()], { maxConcurrentRuns: 1 });
    stage.fire({ name: 'a' });
    stage.fire({ name: 'b' });
    expectHeld(stage, 'concurrency', stage.now + 15 * MINUTE);
    stage.pass(15 * MINUTE);
    expect(stage.escalations).toEqual(['concurrency']);
    stage.fail('plan', 'not_found');
    expect(stage.run.state).toBe('running');
  });

  test('lets go when a run goes on to verify', () => {
    const stage = new Stage([buildRule()], { maxConcurrentRuns: 1 });
    stage.fire({ name: 'a' });
    stage.fire({ name: 'b' });
    stage.change();
    stage.tick();
    expect(stage.run.state).toBe('running');
  });
});

describe('delay', () => {
  test('holds from the first message of the line', () => {
    const stage = new Stage([buildRule({ delayMs: 30 * SECOND })]);
    stage.fire();
    expectHeld(stage, 'delay', stage.now + 30 * SECOND);
    stage.pass(30 * SECOND);
    expect(stage.run.state).toBe('running');
  });

  test('stays satisfied for the run, but starts again after a downtime of more than 60 s', () => {
    const stage = new Stage([buildRule({ delayMs: 30 * SECOND })]);
    stage.pause();
    stage.fire();
    stage.pass(1 * MINUTE);
    stage.tick();
    stage.resume();
    expect(stage.run.state).toBe('running');
    const other = new Stage([buildRule({ delayMs: 10 * MINUTE })]);
    other.fire();
    other.pass(9 * MINUTE);
    other.crash(2 * MINUTE);
    other.reconcile('active');
    expectHeld(other, 'delay', other.now + 10 * MINUTE);
  });

  test('can be skipped', () => {
    const stage = new Stage([buildRule({ delayMs: 30 * MINUTE })]);
    stage.fire();
    stage.retry({ override: 'delay', reason: 'it will not recover' });
    expect(stage.run.state).toBe('running');
  });
});

describe('cancel_window', () => {
  test('announces the run, holds, and then runs', () => {
    const stage = new Stage([buildRule({ delayMs: 30 * SECOND, cancelWindowMs: 60 * SECOND })]);
    stage.fire();
    expect(stage.run.announcedAt).toBeNull();
    stage.pass(30 * SECOND);
    expectHeld(stage, 'cancel_window', stage.now + 60 * SECOND);
    expect(stage.timeline.map((entry) => entry.kind)).toContain('announced');
    stage.pass(60 * SECOND);
    expect(stage.run.state).toBe('running');
  });

  test.each<[string, Partial<Notification>, boolean]>([
    ['was never told', { told: null, toldVersion: 0 }, true],
    ['was told before and fails now', { told: { ts: '1' }, toldVersion: 1, wanted: 2, attempts: 3 }, true],
    ['was given up', { isDead: true }, true],
    ['knows everything', { told: { ts: '1' }, toldVersion: 2, wanted: 2 }, false],
    ['is about to hear the newest', { told: { ts: '1' }, toldVersion: 1, wanted: 2 }, false],
  ])('runs also when its only place %s, and says whether anybody has heard', (_what, row, isNoted) => {
    const stage = new Stage([buildRule({ cancelWindowMs: MINUTE })], {}, { defaultChannel: '#ops' });
    stage.fire();
    const notifications = stage.state.notifications.map((notification) => ({ ...notification, ...row }));
    stage.state = { ...stage.state, notifications };
    stage.pass(MINUTE);
    expect(stage.run.state).toBe('running');
    const note = expect.objectContaining({
      kind: 'note',
      reason: 'cancel_window',
      text: expect.stringContaining('(slack #ops)'),
    });
    expect(stage.timeline).toEqual(isNoted ? expect.arrayContaining([note]) : expect.not.arrayContaining([note]));
  });

  test('is announced again after a downtime of more than 60 s', () => {
    const stage = new Stage([buildRule({ cancelWindowMs: 10 * MINUTE })]);
    stage.fire();
    stage.crash(5 * MINUTE);
    stage.reconcile('active');
    expectHeld(stage, 'cancel_window', stage.now + 10 * MINUTE);
  });

  test('lets a person cancel the run', () => {
    const stage = new Stage([buildRule({ cancelWindowMs: 10 * MINUTE })]);
    stage.fire();
    stage.cancel();
    expect(stage.ending).toEqual(['ended', 'cancelled', 'cancelled_by_person']);
    expect(stage.run.cancelledBy).toBe('ada');
    stage.pass(1 * HOUR);
    expect(stage.state.runs).toHaveLength(1);
  });
});

describe('a gate that cannot be evaluated', () => {
  test('holds, is tried again after 30 s, and escalates after 10 minutes', () => {
    const broken = {
      isMuted: (): boolean => {
        throw new Error('no calendar');
      },
      unmutedAt: () => undefined,
    };
    const stage = new Stage([buildRule({ muteTimes: broken })]);
    stage.fire();
    expect(stage.run).toMatchObject({ state: 'held', reason: 'gate_error', wakeAt: stage.now + 30 * SECOND });
    stage.pass(10 * MINUTE - 1);
    expect(stage.escalations).toEqual([]);
    stage.pass(1);
    expect(stage.escalations).toEqual(['gate_error']);
  });
});

describe('on reload', () => {
  test('a held run is judged by the new rule of that name', () => {
    const stage = new Stage([buildRule({ delayMs: 10 * MINUTE })]);
    stage.fire();
    stage.reload([buildRule({ delayMs: 0, digest: 'new' })]);
    expect(stage.run).toMatchObject({ state: 'running', ruleDigest: 'new' });
  });

  test.each([
    ['is gone', []],
    ['no longer matches', [buildRule({ labels: { alertname: 'Other' }, digest: 'new' })]],
  ])('a held run whose rule %s is suppressed, and people are told', (_name, rules) => {
    const stage = new Stage([buildRule({ delayMs: 10 * MINUTE })]);
    stage.fire();
    stage.reload(rules);
    expect(stage.ending).toEqual(['ended', 'suppressed', 'rule_removed']);
    expect(stage.escalations).toEqual(['rule_removed']);
  });

  test('running and verifying ones keep what they were claimed with', () => {
    const stage = new Stage([buildRule()]);
    stage.fire();
    stage.reload([]);
    stage.change();
    expect(stage.run.state).toBe('verifying');
    stage.resolve();
    expect(stage.ending).toEqual(['ended', 'verified', null]);
  });
});

test('an override needs the role admin, a reason and a gate that allows it', () => {
  const stage = new Stage([buildRule({ delayMs: 10 * MINUTE })]);
  stage.fire();
  expect(stage.retry({ override: 'delay', reason: 'x', role: 'responder' })).toMatchObject({ ok: false, code: 'forbidden' });
  expect(stage.retry({ override: 'delay' })).toMatchObject({ ok: false, code: 'invalid' });
  expect(stage.retry({ override: 'paused', reason: 'x' })).toMatchObject({ ok: false, code: 'invalid' });
  expect(stage.run.state).toBe('held');
});
