import type { InDoubt } from '../../src/domain/remediation.ts';
import { buildRule, buildRung, buildStep, stubRemediation } from '../support/build-rule.ts';
import { MINUTE, SECOND, Stage } from './stage.ts';

const read = stubRemediation('stub.read', 'read');

function acting(inDoubt: InDoubt): Stage {
  const rungs = [buildRung([buildStep('restart', stubRemediation('stub.change', 'change', inDoubt)), buildStep('after', read)])];
  const stage = new Stage([buildRule({ rungs })]);
  stage.fire();
  stage.planned({ identity: { container: 'a' } });
  return stage;
}

describe('a crash while a step was under way', () => {
  test.each(['read', 'plan'] as const)('starts a %s again: nothing was changed', (kind) => {
    const stage = new Stage([
      buildRule({ rungs: [buildRung([buildStep('one', kind === 'read' ? read : stubRemediation('stub.change'))])] }),
    ]);
    stage.fire();
    stage.crash(10 * MINUTE);
    expect(stage.underWay).toEqual([kind]);
  });

  test('repeats a change that may be repeated, inside its intent', () => {
    const stage = acting('repeat');
    stage.crash(4 * MINUTE);
    expect(stage.underWay).toEqual(['plan']);
    stage.planned({ identity: { container: 'b' } });
    expect(stage.ending).toEqual(['ended', 'failed', 'precondition_failed']);
  });

  test.each([
    ['it was away for 5 minutes or more', 5 * MINUTE, false],
    ['its alerts resolved', 1 * SECOND, true],
  ])('does not repeat it when %s', (_name, downMs, resolves) => {
    const stage = acting('repeat');
    if (resolves) stage.resolve();
    stage.crash(downMs);
    expect(stage.ending).toEqual(['ended', 'interrupted', 'step_unknown']);
    expect(stage.step('0:steps/restart').state).toBe('unknown');
  });

  test('looks whether a change that can be seen has happened, and goes on if it has', () => {
    const stage = acting('look');
    stage.crash(10 * MINUTE);
    expect(stage.underWay).toEqual(['look']);
    stage.look({ state: 'done', output: {} });
    expect(stage.underWay).toEqual(['read']);
  });

  test('or starts it again if it has not', () => {
    const stage = acting('look');
    stage.crash(10 * SECOND);
    stage.look({ state: 'not_done' });
    expect(stage.underWay).toEqual(['plan']);
  });

  test('looks again after a crash while it looked', () => {
    const stage = acting('look');
    stage.crash(10 * SECOND);
    stage.crash(10 * SECOND);
    expect(stage.underWay).toEqual(['look']);
  });

  test('leaves any other change to a person, and the target in quarantine', () => {
    const stage = acting('ask');
    stage.crash(1 * SECOND);
    expect(stage.ending).toEqual(['ended', 'interrupted', 'step_unknown']);
    expect(stage.run.quarantined).toBe(true);
    expect(stage.claims).toEqual(['target:container/web', 'touch:docker:web']);
    expect(stage.state.claims.every((claim) => claim.quarantined)).toBe(true);
    expect(stage.escalations).toEqual(['step_unknown']);
  });

  test('repeats what finally puts right although the alert has resolved', () => {
    const undo = buildStep('undo', stubRemediation('stub.undo', 'change', 'repeat'));
    const stage = new Stage([
      buildRule({ rungs: [buildRung([buildStep('restart', stubRemediation('stub.change'))], { finally: [undo] })] }),
    ]);
    stage.fire();
    stage.change();
    stage.resolve();
    stage.planned();
    stage.crash(1 * SECOND);
    expect(stage.underWay).toEqual(['plan']);
    stage.change();
    expect(stage.ending).toEqual(['ended', 'verified', null]);
  });

  test('lets a step that waits for its next try wait on', () => {
    const stage = new Stage([
      buildRule({
        rungs: [
          buildRung([buildStep('one', stubRemediation('stub.change'), { retry: { attempts: 2, backoffMs: 10 * SECOND } })]),
        ],
      }),
    ]);
    stage.fire();
    stage.fail('plan');
    stage.crash(1 * SECOND);
    expect(stage.underWay).toEqual([]);
    stage.pass(10 * SECOND);
    expect(stage.underWay).toEqual(['plan']);
  });

  test('without the rule it was claimed with leaves the change to a person', () => {
    const stage = acting('repeat');
    stage.reload([]);
    stage.forgetSnapshots();
    stage.crash(1 * SECOND);
    expect(stage.ending).toEqual(['ended', 'interrupted', 'rule_removed']);
    expect(stage.run.quarantined).toBe(true);
    expect(stage.escalations).toEqual(['rule_removed']);
  });
});

test('a verification goes on after a crash, by the same deadline', () => {
  const stage = new Stage([buildRule()]);
  stage.fire();
  stage.change();
  const deadline = stage.run.verifyDeadlineAt;
  stage.crash(5 * MINUTE);
  expect(stage.run).toMatchObject({ state: 'verifying', verifyDeadlineAt: deadline });
  stage.resolve();
  expect(stage.ending).toEqual(['ended', 'verified', null]);
});

describe('quarantine', () => {
  function interrupted(): Stage {
    const stage = acting('ask');
    stage.crash(1 * SECOND);
    return stage;
  }

  test('keeps other runs from the target and from what was touched', () => {
    const stage = interrupted();
    stage.resolve();
    stage.now += 1 * SECOND;
    stage.fire();
    expect(stage.run).toMatchObject({ state: 'held', reason: 'target_busy' });
    stage.pass(30 * MINUTE);
    expect(stage.escalations).toEqual(['step_unknown', 'target_busy']);
  });

  test('is lifted by a cancel', () => {
    const stage = interrupted();
    stage.cancel();
    expect(stage.claims).toEqual([]);
    expect(stage.run.quarantined).toBe(false);
    expect(stage.run.outcome).toBe('interrupted');
  });

  test('is lifted by a retry, which runs it again', () => {
    const stage = interrupted();
    expect(stage.retry()).toMatchObject({ ok: true });
    expect(stage.run).toMatchObject({ id: 'run-2', state: 'running', trigger: 'retry', actor: 'ada' });
    expect(stage.claims).toEqual(['target:container/web']);
  });

  test('keeps the incident open', () => {
    const stage = interrupted();
    stage.resolve();
    stage.pass(10 * MINUTE);
    expect(stage.incident.status).toBe('triggered');
    stage.cancel();
    stage.pass(2 * MINUTE);
    expect(stage.incident.status).toBe('resolved');
  });
});
