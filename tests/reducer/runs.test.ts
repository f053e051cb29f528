import { buildCheck, buildRule, buildRung, buildStep, buildVerify, condition, stubRemediation } from '../support/build-rule.ts';
import { MINUTE, SECOND, Stage } from './stage.ts';

const change = stubRemediation('stub.change');
const other = stubRemediation('stub.other');
const read = stubRemediation('stub.read', 'read');
const isOk = condition('output.ok', ({ output }) => output?.['ok'] === true);
const check = buildCheck(read, isOk);
const twoReads = [buildRung([buildStep('one', read), buildStep('two', read)])];

describe('a run', () => {
  test('is claimed with its target, its alerts and its rule in the transaction in which every gate proceeds', () => {
    const stage = new Stage([buildRule()]);
    stage.fire({ pod: 'web-1' });
    expect(stage.run).toMatchObject({ state: 'running', startedAt: stage.now, attempt: 1, deadlineAt: stage.now + 15 * MINUTE });
    expect(stage.run.frozen?.alerts[0]?.labels).toMatchObject({ pod: 'web-1' });
    expect(stage.run.verdicts.every(({ verdict }) => verdict === 'proceed')).toBe(true);
    expect(stage.claims).toEqual(['target:container/web']);
  });

  test('whose alerts resolve before it starts ends self_resolved', () => {
    const stage = new Stage([buildRule({ delayMs: 1 * MINUTE })]);
    stage.fire();
    stage.resolve();
    expect(stage.ending).toEqual(['ended', 'self_resolved', 'alerts_resolved']);
    expect(stage.escalations).toEqual([]);
  });

  test('that nobody speaks of for too long ends as stale, never as verified', () => {
    const stage = new Stage([buildRule({ delayMs: 48 * 60 * MINUTE })]);
    stage.fire();
    stage.now += 24 * 60 * MINUTE;
    stage.apply({ kind: 'stale', alertKeys: [stage.episode.alertKey] });
    expect(stage.ending).toEqual(['ended', 'suppressed', 'stale']);
    stage.pass(2 * MINUTE);
    expect(stage.incident).toMatchObject({ status: 'resolved', closedAs: 'stale' });
  });

  test('counts its attempts within limits.recurrence', () => {
    const stage = new Stage([buildRule()], { recurrenceMs: 10 * MINUTE });
    for (const attempt of [1, 2]) {
      stage.fire();
      expect(stage.run.attempt).toBe(attempt);
      stage.change();
      stage.now += 1 * SECOND;
      stage.resolve();
      stage.now += 1 * SECOND;
    }
    stage.now += 11 * MINUTE;
    stage.fire();
    expect(stage.run.attempt).toBe(1);
  });

  test('that only reads is completed, and counts in no limit', () => {
    const stage = new Stage([buildRule({ rungs: twoReads })]);
    stage.fire();
    expect(stage.claims).toEqual([]);
    stage.succeed('read');
    stage.succeed('read');
    expect(stage.ending).toEqual(['ended', 'completed', null]);
    expect(stage.run.actingAt).toBeNull();
    expect(stage.escalations).toEqual([]);
  });

  test('that was to act and found nothing to do tells people', () => {
    const stage = new Stage([buildRule()]);
    stage.fire();
    stage.planned({ count: 0 });
    stage.succeed('act');
    expect(stage.ending).toEqual(['ended', 'completed', 'nothing_to_do']);
    expect(stage.escalations).toEqual(['nothing_to_do']);
  });

  test('that found nothing to do goes on with its fallback', () => {
    const stage = new Stage([
      buildRule({ rungs: [buildRung([buildStep('one', change)]), buildRung([buildStep('two', other)])] }),
    ]);
    stage.fire();
    stage.planned({ count: 0 });
    stage.succeed('act');
    expect(stage.run).toMatchObject({ state: 'running', rung: 1 });
    expect(stage.underWay).toEqual(['plan']);
  });
});

describe('on_resolved', () => {
  const rungs = [buildRung([buildStep('one', change), buildStep('two', other)])];

  test('cancel: before a change the run ends self_resolved', () => {
    const stage = new Stage([buildRule({ rungs })]);
    stage.fire();
    stage.resolve();
    stage.planned();
    expect(stage.ending).toEqual(['ended', 'self_resolved', 'alerts_resolved']);
    expect(stage.step('0:steps/one').state).toBe('skipped');
    expect(stage.underWay).toEqual([]);
  });

  test('cancel: after a change it goes on to verify', () => {
    const stage = new Stage([buildRule({ rungs, verify: buildVerify({ checks: [check] }) })]);
    stage.fire();
    stage.planned();
    stage.resolve();
    stage.succeed('act');
    expect(stage.run.state).toBe('verifying');
    stage.check(true);
    expect(stage.ending).toEqual(['ended', 'verified', null]);
  });

  test('finish: it goes on to its last step', () => {
    const stage = new Stage([buildRule({ rungs, onResolved: 'finish' })]);
    stage.fire();
    stage.resolve();
    stage.change();
    stage.change();
    expect(stage.step('0:steps/two').state).toBe('succeeded');
  });
});

describe('a fallback', () => {
  const rungs = [buildRung([buildStep('one', change)]), buildRung([buildStep('two', other)])];

  test('follows a verification that misses its deadline, and counts once in limits', () => {
    const stage = new Stage([buildRule({ rungs, verify: buildVerify({ checks: [check], resolvedWithinMs: 10 * SECOND }) })]);
    stage.fire();
    stage.change();
    const { actingAt } = stage.run;
    stage.pass(10 * SECOND, false);
    expect(stage.run).toMatchObject({ state: 'running', rung: 1, actingAt });
    stage.change();
    stage.check(true);
    expect(stage.ending).toEqual(['ended', 'verified', null]);
    expect(stage.run.rung).toBe(1);
    expect(stage.state.runs).toHaveLength(1);
  });

  test('is not tried after a step that failed', () => {
    const stage = new Stage([buildRule({ rungs })]);
    stage.fire();
    stage.planned();
    stage.fail('act', 'rejected');
    expect(stage.ending).toEqual(['ended', 'failed', 'rejected']);
  });

  test('that finds nothing to do ends ineffective', () => {
    const stage = new Stage([buildRule({ rungs, verify: buildVerify({ checks: [check], resolvedWithinMs: 10 * SECOND }) })]);
    stage.fire();
    stage.change();
    stage.pass(10 * SECOND, false);
    stage.planned({ count: 0 });
    stage.succeed('act');
    expect(stage.ending).toEqual(['ended', 'ineffective', 'nothing_to_do']);
  });
});

describe('verification', () => {
  function verifying(verify: Parameters<typeof buildVerify>[0]): Stage {
    const stage = new Stage([buildRule({ verify: buildVerify(verify) })]);
    stage.fire();
    stage.change();
    return stage;
  }

  test('polls its checks at once and then every 5 s', () => {
    const stage = verifying({ checks: [check] });
    expect(stage.underWay).toEqual(['check']);
    stage.check(false);
    stage.pass(5 * SECOND - 1);
    expect(stage.underWay).toEqual([]);
    stage.pass(1);
    expect(stage.underWay).toEqual(['check']);
    stage.check(true);
    expect(stage.ending).toEqual(['ended', 'verified', null]);
    expect(stage.run.evidence).toBe('checks');
    expect(stage.claims).toEqual([]);
  });

  test('by the alert alone says so', () => {
    const stage = verifying({});
    stage.pass(1 * MINUTE);
    stage.resolve();
    expect(stage.ending).toEqual(['ended', 'verified', null]);
    expect(stage.run.evidence).toBe('alert');
  });

  test('by the alert alone does nothing until it resolves, and then looks on', () => {
    const stage = verifying({ stableForMs: 20 * SECOND });
    expect(stage.run.wakeAt).toBe(stage.run.verifyDeadlineAt);
    stage.resolve();
    expect(stage.run.wakeAt).toBe(stage.now + 5 * SECOND);
  });

  test('without `verify` watches the alert for 15 minutes', () => {
    const stage = new Stage([buildRule()]);
    stage.fire();
    stage.change();
    expect(stage.run.verifyDeadlineAt).toBe(stage.now + 15 * MINUTE);
    stage.pass(15 * MINUTE);
    expect(stage.ending).toEqual(['ended', 'ineffective', 'verification_failed']);
  });

  test('needs the checks and the alert together when the rule says so', () => {
    const stage = verifying({ checks: [check], needsResolved: true });
    stage.check(true);
    expect(stage.run.state).toBe('verifying');
    stage.resolve();
    stage.pass(5 * SECOND, true);
    expect(stage.ending).toEqual(['ended', 'verified', null]);
  });

  test('needs all conditions together for stable_for; one false poll starts it again', () => {
    const stage = verifying({ checks: [check], stableForMs: 10 * SECOND });
    stage.check(true);
    stage.pass(5 * SECOND, true);
    expect(stage.run.state).toBe('verifying');
    stage.pass(5 * SECOND - 1);
    stage.pass(1, false);
    expect(stage.run.stableSince).toBeNull();
    stage.pass(5 * SECOND, true);
    expect(stage.run.stableSince).toBe(stage.now);
    stage.pass(9 * SECOND, true);
    expect(stage.run.state).toBe('verifying');
    stage.pass(1 * SECOND, true);
    expect(stage.ending).toEqual(['ended', 'verified', null]);
  });

  test('is too late when stable_for does not fit before the deadline', () => {
    const stage = verifying({ checks: [check], stableForMs: 10 * SECOND, resolvedWithinMs: 15 * SECOND });
    stage.check(false);
    stage.pass(9 * SECOND, false);
    stage.pass(6 * SECOND, true);
    expect(stage.ending).toEqual(['ended', 'ineffective', 'verification_failed']);
  });

  test.each([
    ['false', false, 'ineffective', 'verification_failed'],
    ['unknown', undefined, 'inconclusive', 'verification_unknown'],
  ] as const)('whose check stays %s until the deadline ends so, and tells people', (_name, verdict, outcome, reason) => {
    const stage = verifying({ checks: [check], resolvedWithinMs: 10 * SECOND });
    for (let polls = 0; polls < 3; polls += 1) {
      stage.check(verdict);
      stage.pass(5 * SECOND);
    }
    expect(stage.ending).toEqual(['ended', outcome, reason]);
    expect(stage.escalations).toEqual([reason]);
  });

  test('within bounds how long a single check may take', () => {
    const stage = verifying({ checks: [{ ...check, withinMs: 5 * SECOND }] });
    stage.check(false);
    stage.pass(5 * SECOND, false);
    expect(stage.ending).toEqual(['ended', 'ineffective', 'verification_failed']);
  });

  test('that a check was true once satisfies within', () => {
    const stage = verifying({ checks: [{ ...check, withinMs: 5 * SECOND }], needsResolved: true });
    stage.check(true);
    stage.pass(1 * MINUTE, true);
    expect(stage.run.state).toBe('verifying');
  });

  test('does not take a person for Alertmanager: what was closed as stale is unknown', () => {
    const stage = verifying({ resolvedWithinMs: 25 * 60 * MINUTE });
    stage.now += 24 * 60 * MINUTE;
    stage.apply({ kind: 'stale', alertKeys: [stage.episode.alertKey] });
    stage.pass(2 * 60 * MINUTE);
    expect(stage.ending).toEqual(['ended', 'inconclusive', 'verification_unknown']);
  });

  test('by checks alone goes on to watch the alert, and tells people when it still fires at the deadline', () => {
    const stage = verifying({ checks: [check] });
    stage.check(true);
    expect(stage.ending).toEqual(['ended', 'verified', null]);
    expect(stage.escalations).toEqual([]);
    stage.pass(15 * MINUTE);
    expect(stage.escalations).toEqual(['still_firing']);
  });

  test('is followed by an escalation when another alert of the line fires', () => {
    const stage = new Stage([buildRule({ labels: {}, verify: buildVerify({ checks: [check] }) })]);
    stage.fire({ alertname: 'Down' });
    stage.change();
    stage.check(true);
    stage.fire({ alertname: 'Slow' });
    expect(stage.escalations).toEqual(['alert_joined']);
    expect(stage.state.runs).toHaveLength(1);
  });

  test('cancelled ends inconclusive, and keeps who did it', () => {
    const stage = verifying({});
    stage.cancel();
    expect(stage.ending).toEqual(['ended', 'inconclusive', 'cancelled_by_person']);
    expect(stage.run.cancelledBy).toBe('ada');
  });
});

describe('recurrence', () => {
  test('marks a verified fix that did not last, in the same incident and in the next', () => {
    const stage = new Stage([buildRule()], { recurrenceMs: 10 * MINUTE });
    stage.fire();
    stage.change();
    stage.now += 1 * SECOND;
    stage.resolve();
    stage.pass(5 * MINUTE);
    expect(stage.incident.status).toBe('resolved');
    stage.fire();
    expect(stage.state.runs[0]).toMatchObject({ outcome: 'verified', recurred: true });
    expect(stage.incident.previousId).toBe('inc-1');
  });

  test('not by what may be a late copy', () => {
    const stage = new Stage([buildRule()], { recurrenceMs: 10 * MINUTE });
    const startsAt = stage.now;
    stage.fire();
    stage.change();
    stage.now += 1 * SECOND;
    stage.resolve();
    stage.wake();
    expect(stage.run.outcome).toBe('verified');
    stage.fire({}, { startsAt });
    expect(stage.episode.unconfirmedUntil).not.toBeNull();
    expect(stage.state.runs[0]).toMatchObject({ outcome: 'verified', recurred: false });
  });

  test('not when it lasted', () => {
    const stage = new Stage([buildRule()], { recurrenceMs: 10 * MINUTE });
    stage.fire();
    stage.change();
    stage.resolve();
    stage.pass(11 * MINUTE);
    stage.fire();
    expect(stage.state.runs[0]).toMatchObject({ recurred: false });
  });
});
