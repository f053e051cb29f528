import type { Scope } from '../../src/domain/scope.ts';
import { ExpressionError } from '../../src/domain/scope.ts';
import {
  buildRule,
  buildRung,
  buildStep,
  buildVerify,
  callOf,
  condition,
  listTemplate,
  stubRemediation,
} from '../support/build-rule.ts';
import { MINUTE, SECOND, Stage } from './stage.ts';

const change = stubRemediation('stub.change', 'change', 'ask');
const guarded = stubRemediation('stub.guarded', 'change', 'repeat');
const visible = stubRemediation('stub.visible', 'change', 'look');
const read = stubRemediation('stub.read', 'read');
const retry = { attempts: 3, backoffMs: 2 * SECOND };

function ruleOf(...steps: ReturnType<typeof buildStep>[]) {
  return buildRule({ rungs: [buildRung(steps)] });
}

describe('a changing step', () => {
  test('is planned, claimed and journaled before it acts', () => {
    const stage = new Stage([ruleOf(buildStep('restart', change))]);
    stage.fire();
    expect(stage.underWay).toEqual(['plan']);
    expect(stage.claims).toEqual(['target:container/web']);
    stage.planned({ touches: ['docker:web', 'postgres:main'] });
    expect(stage.underWay).toEqual(['act']);
    expect(stage.claims).toEqual(['target:container/web', 'touch:docker:web', 'touch:postgres:main']);
    expect(stage.step('0:steps/restart')).toMatchObject({
      stage: 'acting',
      actingAt: stage.now,
      plan: { touches: ['docker:web', 'postgres:main'] },
    });
    expect(stage.run.actingAt).toBe(stage.now);
  });

  test('waits for a touch that another run holds, and these waits are not attempts', () => {
    const stage = new Stage([ruleOf(buildStep('restart', change, { retry }))]);
    stage.fire({ name: 'web' });
    stage.planned({ touches: ['postgres:main'] });
    stage.fire({ name: 'api' });
    stage.planned({ touches: ['postgres:main'] });
    expect(stage.step('0:steps/restart')).toMatchObject({ stage: 'waiting', attempts: 0 });
    expect(stage.run.reason).toBe('target_busy');
    stage.pass(5 * SECOND);
    expect(stage.step('0:steps/restart')).toMatchObject({ stage: 'planning', attempts: 1 });
    stage.succeed('act');
    stage.planned({ touches: ['postgres:main'] });
    // The first run verifies, and keeps what it touched.
    expect(stage.step('0:steps/restart')).toMatchObject({ stage: 'waiting' });
    stage.resolve({ name: 'web' });
    stage.pass(5 * SECOND);
    stage.planned({ touches: ['postgres:main'] });
    expect(stage.underWay).toEqual(['act']);
  });

  test('is refused when what it would act on is no longer the same', () => {
    const stage = new Stage([ruleOf(buildStep('restart', guarded, { retry }))]);
    stage.fire();
    stage.planned({ identity: { container: 'a' } });
    stage.fail('act', 'timeout', 'unknown');
    stage.pass(2 * SECOND);
    stage.planned({ identity: { container: 'b' } });
    expect(stage.ending).toEqual(['ended', 'failed', 'precondition_failed']);
    expect(stage.escalations).toEqual(['precondition_failed']);
  });

  test.each([
    ['a step that asks for it', { approval: { roles: [], count: 1, timeoutMs: 1, onTimeout: 'cancel' as const } }, {}],
    ['mode approve', {}, { mode: 'approve' as const }],
  ])('is not done without an approval: %s', (_name, step, rule) => {
    const stage = new Stage([buildRule({ rungs: [buildRung([buildStep('restart', change, step)])], ...rule })]);
    stage.fire();
    stage.planned();
    expect(stage.underWay).toEqual(['foresee']);
    stage.foreseen();
    expect(stage.run).toMatchObject({ state: 'held', reason: 'approval' });
    expect(stage.underWay).toEqual([]);
  });

  test('that destroys needs allow_destructive', () => {
    const destroy = ruleOf(buildStep('flush', stubRemediation('stub.flush', 'destructive')));
    const stage = new Stage([destroy]);
    stage.fire();
    stage.ask();
    expect(stage.run).toMatchObject({ state: 'held', reason: 'approval' });
    const allowed = new Stage([{ ...destroy, safety: { ...destroy.safety, allowDestructive: true } }]);
    allowed.fire();
    allowed.planned();
    expect(allowed.underWay).toEqual(['act']);
  });
});

describe('retry', () => {
  test.each([
    ['a failure that proves that nothing happened', change, 'unavailable', 'nothing'],
    ['any failure of a remediation that may be repeated', guarded, 'timeout', 'unknown'],
  ] as const)('repeats %s, after a backoff with jitter, at most `attempts` times', (_name, remediation, code, happened) => {
    const stage = new Stage([ruleOf(buildStep('restart', remediation, { retry }))]);
    stage.random = 0;
    stage.fire();
    stage.planned();
    stage.fail('act', code, happened);
    expect(stage.run.wakeAt).toBe(stage.now + 1 * SECOND);
    stage.pass(1 * SECOND);
    stage.planned();
    stage.random = 1;
    stage.fail('act', code, happened);
    expect(stage.run.wakeAt).toBe(stage.now + 4 * SECOND);
    stage.pass(4 * SECOND);
    stage.planned();
    stage.fail('act', code, happened);
    expect(stage.ending).toEqual(['ended', 'failed', code]);
    expect(stage.step('0:steps/restart')).toMatchObject({ state: 'failed', attempts: 3 });
  });

  test('never repeats a change that may have happened', () => {
    const stage = new Stage([ruleOf(buildStep('restart', change, { retry }))]);
    stage.fire();
    stage.planned();
    stage.fail('act', 'timeout', 'unknown');
    expect(stage.ending).toEqual(['ended', 'interrupted', 'step_unknown']);
    expect(stage.step('0:steps/restart')).toMatchObject({ state: 'unknown', attempts: 1 });
  });

  test('takes the answer of a target that failed for what it is: nothing is repeated, and nothing goes into quarantine', () => {
    const stage = new Stage([ruleOf(buildStep('restart', change, { retry }))]);
    stage.fire();
    stage.planned();
    stage.fail('act', 'rejected', 'unknown');
    expect(stage.ending).toEqual(['ended', 'failed', 'rejected']);
    expect(stage.step('0:steps/restart')).toMatchObject({ state: 'failed', attempts: 1 });
    expect(stage.run.quarantined).toBe(false);
    expect(stage.state.claims).toEqual([]);
    expect(stage.escalations).toEqual(['rejected']);
  });

  test('does not repeat what will fail again', () => {
    const stage = new Stage([ruleOf(buildStep('restart', change, { retry }))]);
    stage.fire();
    stage.fail('plan', 'permission_denied');
    expect(stage.ending).toEqual(['ended', 'failed', 'permission_denied']);
  });

  test('a change in doubt that can be looked at is looked at', () => {
    const stage = new Stage([ruleOf(buildStep('restart', visible, { retry }), buildStep('after', read))]);
    stage.fire();
    stage.planned();
    stage.fail('act', 'timeout', 'unknown');
    stage.look({ state: 'wait', ms: 3 * SECOND });
    expect(stage.underWay).toEqual([]);
    stage.pass(3 * SECOND);
    stage.look({ state: 'done', output: {} });
    expect(stage.step('0:steps/restart')).toMatchObject({ state: 'succeeded' });
    expect(stage.underWay).toEqual(['read']);
  });

  test('one that was looked at and has not happened is started again', () => {
    const stage = new Stage([ruleOf(buildStep('restart', visible, { retry }))]);
    stage.fire();
    stage.planned();
    stage.fail('act', 'timeout', 'unknown');
    stage.look({ state: 'not_done' });
    expect(stage.underWay).toEqual(['plan']);
    stage.planned();
    stage.fail('act', 'timeout', 'unknown');
    stage.look({ state: 'unknown' });
    expect(stage.ending).toEqual(['ended', 'interrupted', 'step_unknown']);
  });
});

describe('expect', () => {
  const isUp = condition('output.up', ({ output }) => output?.['up'] === true);

  test('fails the step when it is false', () => {
    const stage = new Stage([ruleOf(buildStep('look', read, { expect: isUp }), buildStep('restart', change))]);
    stage.fire();
    stage.succeed('read', { up: false });
    expect(stage.ending).toEqual(['ended', 'failed', 'expectation_failed']);
  });

  test('may come true within its time, polled', () => {
    const stage = new Stage([
      ruleOf(buildStep('look', read, { expect: isUp, withinMs: 10 * SECOND }), buildStep('restart', change)),
    ]);
    stage.fire();
    stage.succeed('read', { up: false });
    stage.pass(2 * SECOND);
    stage.fail('read', 'not_found');
    stage.pass(2 * SECOND);
    stage.succeed('read', { up: true });
    expect(stage.step('0:steps/look')).toMatchObject({ state: 'succeeded', output: { up: true } });
    expect(stage.underWay).toEqual(['plan']);
  });

  test('is over after its time', () => {
    const stage = new Stage([ruleOf(buildStep('look', read, { expect: isUp, withinMs: 3 * SECOND }))]);
    stage.fire();
    stage.succeed('read', { up: false });
    stage.pass(2 * SECOND);
    stage.succeed('read', { up: false });
    stage.pass(2 * SECOND);
    stage.succeed('read', { up: false });
    expect(stage.ending).toEqual(['ended', 'failed', 'expectation_failed']);
  });
});

describe('on_error: continue', () => {
  test('keeps the failure in the step', () => {
    const sees = buildStep('after', read, {
      if: condition('steps.first.state', ({ steps }) => steps?.['first']?.state === 'failed'),
    });
    const stage = new Stage([ruleOf(buildStep('first', read, { onError: 'continue' }), sees, buildStep('restart', change))]);
    stage.fire();
    stage.fail('read', 'not_found');
    expect(stage.underWay).toEqual(['read']);
    stage.succeed('read');
    stage.change();
    expect(stage.run.state).toBe('verifying');
  });

  test('does not go on after a change that may have happened', () => {
    const stage = new Stage([ruleOf(buildStep('first', change, { onError: 'continue' }), buildStep('second', change))]);
    stage.fire();
    stage.planned();
    stage.fail('act', 'timeout', 'unknown');
    expect(stage.ending).toEqual(['ended', 'interrupted', 'step_unknown']);
    expect(stage.underWay).toEqual([]);
  });
});

describe('for_each', () => {
  const names = listTemplate('params.names', () => ['a', 'b', 'c']);

  test('runs its step once for each value, one after the other', () => {
    const call = callOf(change, ({ item }: Scope) => ({ item: item ?? null }));
    const stage = new Stage([ruleOf(buildStep('each', call, { forEach: names }))]);
    stage.fire();
    for (const name of ['a', 'b', 'c']) {
      expect(stage.state.steps.find((step) => step.state === 'running' && step.stage === 'planning')?.params).toEqual({
        item: name,
      });
      stage.change();
    }
    expect(stage.run.state).toBe('verifying');
    expect(stage.step('0:steps/each')).toMatchObject({ state: 'succeeded', items: ['a', 'b', 'c'] });
    expect(stage.step('0:steps/each[2]')).toMatchObject({ state: 'succeeded', item: 'c' });
  });

  test('stops at the first failure, and ends no round that has not begun', () => {
    const stage = new Stage([ruleOf(buildStep('each', change, { forEach: names }))]);
    stage.fire();
    stage.change();
    stage.fail('plan', 'not_found');
    expect(stage.ending).toEqual(['ended', 'failed', 'not_found']);
    expect(stage.state.steps.map((step) => step.address)).toEqual(['0:steps/each', '0:steps/each[0]', '0:steps/each[1]']);
  });

  test('a round that may have happened is not hidden by one that failed before it', () => {
    const stage = new Stage([ruleOf(buildStep('each', change, { forEach: names, onError: 'continue' }))]);
    stage.fire();
    stage.fail('plan', 'not_found');
    stage.planned();
    stage.fail('act', 'timeout', 'unknown');
    expect(stage.ending).toEqual(['ended', 'interrupted', 'step_unknown']);
  });

  test('a list that is none fails before anything is done', () => {
    const stage = new Stage([ruleOf(buildStep('each', change, { forEach: listTemplate('x', () => 'a') }))]);
    stage.fire();
    expect(stage.ending).toEqual(['ended', 'failed', 'expression_error']);
  });
});

describe('a playbook', () => {
  const inner = buildRung([buildStep('one', read), buildStep('two', change)], {
    name: 'inner',
    finally: [buildStep('undo', guarded)],
    render: () => ({ who: 'web' }),
  });

  test('as a step runs its steps and its finally, and sees its parameters only', () => {
    const sees: Scope[] = [];
    const looks = buildRung(
      [
        buildStep(
          'one',
          callOf(read, (scope) => (sees.push(scope), {})),
        ),
      ],
      { name: 'inner', render: () => ({ who: 'web' }) },
    );
    const stage = new Stage([ruleOf(buildStep('sub', looks), buildStep('restart', change))]);
    stage.fire();
    expect(sees[0]?.params).toEqual({ who: 'web' });
    expect(sees[0]?.labels).toBeUndefined();
    stage.succeed('read');
    expect(stage.underWay).toEqual(['plan']);
  });

  test('as a step that fails cleans up and fails the run', () => {
    const stage = new Stage([ruleOf(buildStep('sub', inner))]);
    stage.fire();
    stage.succeed('read');
    stage.fail('plan', 'not_found');
    expect(stage.step('0:steps/sub/finally/undo').stage).toBe('planning');
    stage.change();
    expect(stage.ending).toEqual(['ended', 'failed', 'not_found']);
    expect(stage.step('0:steps/sub').state).toBe('failed');
  });

  test('as a step that is cancelled cleans up too', () => {
    const stage = new Stage([ruleOf(buildStep('sub', inner))]);
    stage.fire();
    stage.cancel();
    stage.succeed('read');
    expect(stage.step('0:steps/sub/finally/undo').stage).toBe('planning');
    stage.change();
    expect(stage.ending).toEqual(['ended', 'cancelled', 'cancelled_by_person']);
    expect(stage.state.steps.filter((step) => step.state === 'running')).toEqual([]);
  });

  test('without a value for a parameter fails the run before a step starts', () => {
    const missing = buildRung([buildStep('one', change)], {
      name: 'inner',
      render: () => {
        throw new ExpressionError('missing_value', 'no pod');
      },
    });
    const stage = new Stage([buildRule({ rungs: [missing] })]);
    stage.fire();
    expect(stage.ending).toEqual(['ended', 'failed', 'missing_value']);
    expect(stage.claims).toEqual([]);
  });
});

describe('finally', () => {
  const rungs = [buildRung([buildStep('restart', change)], { finally: [buildStep('undo', guarded, { retry })] })];

  test('runs when the steps fail, and the outcome stays', () => {
    const stage = new Stage([buildRule({ rungs })]);
    stage.fire();
    stage.fail('plan', 'not_found');
    expect(stage.run).toMatchObject({ state: 'running', ending: { outcome: 'failed' } });
    stage.change();
    expect(stage.ending).toEqual(['ended', 'failed', 'not_found']);
    expect(stage.claims).toEqual([]);
  });

  test('that fails escalates, and the outcome stays', () => {
    const stage = new Stage([buildRule({ rungs })]);
    stage.fire();
    stage.change();
    stage.resolve();
    stage.fail('plan', 'not_found');
    stage.pass(1 * MINUTE);
    stage.fail('plan', 'permission_denied');
    expect(stage.ending).toEqual(['ended', 'verified', null]);
    expect(stage.escalations).toEqual(['finally_failed']);
  });

  test('goes on with its own retries after a cancel', () => {
    const stage = new Stage([buildRule({ rungs })]);
    stage.fire();
    stage.fail('plan', 'not_found');
    stage.fail('plan', 'unavailable');
    stage.cancel();
    stage.pass(1 * MINUTE);
    stage.change();
    expect(stage.ending).toEqual(['ended', 'failed', 'not_found']);
  });

  test('does not wait for ever for a touch that is in quarantine', () => {
    const stage = new Stage([buildRule({ rungs })]);
    stage.fire({ name: 'web' });
    stage.planned({ touches: ['postgres:main'] });
    stage.fail('act', 'timeout', 'unknown');
    stage.fire({ name: 'api' });
    stage.fail('plan', 'not_found');
    for (let tries = 0; tries < 100 && stage.run.state !== 'ended'; tries += 1) {
      stage.planned({ touches: ['postgres:main'] });
      stage.pass(5 * SECOND);
    }
    expect(stage.ending).toEqual(['ended', 'failed', 'not_found']);
    expect(stage.escalations).toContain('finally_failed');
  });

  test('sees the steps before it in its own expectations', () => {
    const sees = condition('steps.restart.state', ({ steps }) => steps?.['restart']?.state === 'failed');
    const stage = new Stage([
      buildRule({ rungs: [buildRung([buildStep('restart', change)], { finally: [buildStep('look', read, { expect: sees })] })] }),
    ]);
    stage.fire();
    stage.fail('plan', 'not_found');
    stage.succeed('read');
    expect(stage.step('0:finally/look').state).toBe('succeeded');
  });
});

describe('the time of a run', () => {
  test('fails it between steps', () => {
    const stage = new Stage([
      buildRule({ timeoutMs: 10 * SECOND, rungs: [buildRung([buildStep('one', read), buildStep('two', change)])] }),
    ]);
    stage.fire();
    stage.now += 10 * SECOND;
    stage.succeed('read');
    expect(stage.ending).toEqual(['ended', 'failed', 'run_timeout']);
    expect(stage.escalations).toEqual(['run_timeout']);
  });

  test('bounds the time of each call', () => {
    const stage = new Stage([buildRule({ timeoutMs: 10 * SECOND, verify: buildVerify() })]);
    stage.fire();
    expect(stage.underWay).toEqual(['plan']);
    expect(stage.run.deadlineAt).toBe(stage.now + 10 * SECOND);
  });

  test('a step that waits for its next try does not start again after it', () => {
    const stage = new Stage([buildRule({ timeoutMs: 1 * SECOND, rungs: [buildRung([buildStep('one', guarded, { retry })])] })]);
    stage.fire();
    stage.planned();
    stage.fail('act', 'timeout', 'unknown');
    stage.pass(1 * MINUTE);
    expect(stage.ending).toEqual(['ended', 'failed', 'run_timeout']);
    expect(stage.underWay).toEqual([]);
  });
});

test('a late answer of an earlier attempt changes nothing', () => {
  const stage = new Stage([ruleOf(buildStep('restart', guarded, { retry }))]);
  stage.fire();
  stage.planned();
  const late = {
    kind: 'step_ended',
    runId: stage.run.id,
    address: '0:steps/restart',
    attempt: 1,
    result: { output: {} },
  } as const;
  stage.fail('act', 'timeout', 'unknown');
  stage.pass(2 * SECOND);
  stage.apply(late);
  expect(stage.step('0:steps/restart')).toMatchObject({ state: 'running', stage: 'planning', attempts: 2 });
});
