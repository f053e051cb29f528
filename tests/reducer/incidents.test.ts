import { buildRule, buildRung, buildStep, stubRemediation } from '../support/build-rule.ts';
import { MINUTE, SECOND, Stage } from './stage.ts';

const withFinally = buildRule({
  rungs: [
    buildRung([buildStep('restart', stubRemediation('stub.restart'))], {
      finally: [buildStep('undo', stubRemediation('stub.undo', 'change', 'repeat'))],
    }),
  ],
});

describe('an incident', () => {
  test('closes when its alerts are resolved, no run is live and limits.settle has passed', () => {
    const stage = new Stage([buildRule()]);
    stage.fire();
    stage.change();
    stage.now += 1 * SECOND;
    const resolvedAt = stage.now;
    stage.resolve();
    stage.pass(2 * MINUTE - 1);
    expect(stage.incident.status).toBe('triggered');
    stage.pass(1);
    expect(stage.incident).toMatchObject({ status: 'resolved', closedAs: 'resolved', resolvedAt });
  });

  test('waits for a run that is still at work', () => {
    const stage = new Stage([buildRule({ onResolved: 'finish' })]);
    stage.fire();
    stage.resolve();
    stage.pass(10 * MINUTE);
    expect(stage.incident.status).toBe('triggered');
    stage.change();
    expect(stage.run.state).toBe('ended');
    stage.pass(1);
    expect(stage.incident.status).toBe('resolved');
  });

  test('that fires again inside settle stays, with a new episode', () => {
    const stage = new Stage([buildRule({ mode: 'observe' })]);
    stage.fire();
    stage.now += 1 * SECOND;
    stage.resolve();
    stage.pass(1 * MINUTE);
    stage.fire();
    stage.pass(10 * MINUTE);
    expect(stage.state.incidents).toHaveLength(1);
    expect(stage.incident.status).toBe('triggered');
  });

  test('that fires again later is a new one, linked', () => {
    const stage = new Stage([buildRule({ mode: 'observe' })]);
    stage.fire();
    stage.now += 1 * SECOND;
    stage.resolve();
    stage.pass(3 * MINUTE);
    stage.fire();
    expect(stage.incident).toMatchObject({ id: 'inc-2', previousId: 'inc-1' });
  });

  test('can be acknowledged once', () => {
    const stage = new Stage([buildRule()]);
    stage.fire();
    expect(stage.acknowledge()).toMatchObject({ ok: true });
    expect(stage.incident).toMatchObject({ status: 'acknowledged', acknowledgedBy: 'ada' });
    expect(stage.acknowledge()).toMatchObject({ ok: false, code: 'conflict' });
  });

  test.each(['acknowledge', 'cancel', 'resolve'] as const)('that does not exist cannot be told to %s', (kind) => {
    const stage = new Stage([buildRule()]);
    const answer = stage.apply({ kind, incidentId: 'inc-9', actor: { person: 'ada', role: 'admin', roles: [], via: 'api' } });
    expect(answer).toMatchObject({ ok: false, code: 'not_found' });
  });

  test('rises by one level with each failure', () => {
    const stage = new Stage([buildRule()]);
    stage.fire({ name: 'a' });
    stage.fail('plan', 'not_found');
    stage.fire({ name: 'b' });
    stage.fail('plan', 'not_found');
    expect(stage.incident.escalationLevel).toBe(2);
  });
});

describe('a person who resolves a firing incident', () => {
  function dismissed(): Stage {
    const stage = new Stage([buildRule({ labels: {}, delayMs: 10 * MINUTE })]);
    stage.fire({ alertname: 'Down' });
    expect(stage.dismiss()).toMatchObject({ ok: true });
    return stage;
  }

  test('dismisses its episodes: their repeats do nothing', () => {
    const stage = dismissed();
    expect(stage.incident).toMatchObject({ status: 'resolved', closedAs: 'dismissed' });
    expect(stage.ending).toEqual(['ended', 'cancelled', 'dismissed']);
    stage.now += 5 * MINUTE;
    stage.fire({ alertname: 'Down' });
    expect(stage.state.incidents).toHaveLength(1);
    expect(stage.escalations).toEqual([]);
  });

  test('gets a notify-only incident when a new alert fires', () => {
    const stage = dismissed();
    stage.now += 5 * MINUTE;
    stage.fire({ alertname: 'Slow' });
    expect(stage.incident).toMatchObject({ id: 'inc-2', notifyOnly: true });
    stage.pass(1 * 60 * MINUTE);
    expect(stage.state.runs).toHaveLength(1);
  });

  test('gets an ordinary one when the alert resolves and fires again', () => {
    const stage = dismissed();
    stage.now += 5 * MINUTE;
    stage.resolve({ alertname: 'Down' });
    stage.now += 5 * MINUTE;
    stage.fire({ alertname: 'Down' });
    expect(stage.incident).toMatchObject({ id: 'inc-2', notifyOnly: false });
    expect(stage.state.runs).toHaveLength(2);
  });

  test('cannot do so while a run is running', () => {
    const stage = new Stage([buildRule()]);
    stage.fire();
    expect(stage.dismiss()).toMatchObject({ ok: false, code: 'conflict' });
  });

  test('ends a verification, after its finally, and nobody is paged for it', () => {
    const stage = new Stage([withFinally]);
    stage.fire();
    stage.change();
    expect(stage.dismiss()).toMatchObject({ ok: true });
    expect(stage.incident.status).toBe('resolved');
    stage.change();
    expect(stage.ending).toEqual(['ended', 'inconclusive', 'dismissed']);
    expect(stage.escalations).toEqual([]);
    expect(stage.claims).toEqual([]);
  });

  test('lifts the quarantine', () => {
    const stage = new Stage([buildRule()]);
    stage.fire();
    stage.planned();
    stage.fail('act', 'timeout', 'unknown');
    stage.dismiss();
    expect(stage.claims).toEqual([]);
    expect(stage.incident.status).toBe('resolved');
  });
});

describe('cancel', () => {
  test('stops a running run after its current step, and runs finally', () => {
    const stage = new Stage([withFinally]);
    stage.fire();
    stage.planned();
    stage.cancel();
    expect(stage.run.state).toBe('running');
    stage.succeed('act');
    expect(stage.run.ending?.outcome).toBe('cancelled');
    stage.change();
    expect(stage.ending).toEqual(['ended', 'cancelled', 'cancelled_by_person']);
  });

  test('stops a step that waits for its next try at once', () => {
    const stage = new Stage([
      buildRule({
        rungs: [buildRung([buildStep('one', stubRemediation('stub.one'), { retry: { attempts: 5, backoffMs: 30 * SECOND } })])],
      }),
    ]);
    stage.fire();
    stage.fail('plan');
    stage.cancel();
    expect(stage.ending).toEqual(['ended', 'cancelled', 'cancelled_by_person']);
    expect(stage.step('0:steps/one').state).toBe('failed');
  });

  test('asks which run is meant when several could be', () => {
    const stage = new Stage([buildRule()]);
    stage.fire({ name: 'a' });
    stage.fire({ name: 'b' });
    expect(stage.cancel()).toMatchObject({ ok: false, code: 'conflict' });
    expect(stage.cancel('run-1')).toMatchObject({ ok: true });
  });
});

describe('retry', () => {
  test('runs an ended run again, with its gates', () => {
    const stage = new Stage([buildRule({ safety: { cooldownMs: 15 * MINUTE } })]);
    stage.fire();
    stage.planned();
    stage.fail('act', 'rejected');
    stage.retry();
    expect(stage.run).toMatchObject({ id: 'run-2', state: 'held', reason: 'cooldown', trigger: 'retry' });
  });

  test('refuses a run that is live, and one whose alerts are resolved', () => {
    const stage = new Stage([buildRule()]);
    stage.fire();
    expect(stage.retry()).toMatchObject({ ok: false, code: 'conflict' });
    stage.fail('plan', 'not_found');
    stage.resolve();
    expect(stage.retry()).toMatchObject({ ok: false, code: 'conflict' });
  });
});
