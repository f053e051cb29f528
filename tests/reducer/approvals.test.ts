import type { ApprovalSpec, Rule, Step } from '../../src/domain/rule.ts';
import type { IntendedStep } from '../../src/domain/state.ts';
import {
  buildCheck,
  buildRule,
  buildRung,
  buildStep,
  buildVerify,
  callOf,
  condition,
  listTemplate,
  stubRemediation,
  type RuleOptions,
} from '../support/build-rule.ts';
import { MINUTE, SECOND, Stage, person } from './stage.ts';

const HOUR = 60 * MINUTE;
const change = stubRemediation('stub.change');
const destroy = stubRemediation('stub.destroy', 'destructive');
const read = stubRemediation('stub.read', 'read');
const bob = person('bob');
const carol = person('carol');
const zoe = person('zoe', ['dba']);

function spec(more: Partial<ApprovalSpec> = {}): ApprovalSpec {
  return { roles: ['responder'], count: 1, timeoutMs: 30 * MINUTE, onTimeout: 'escalate', ...more };
}

function ruleOf(steps: readonly Step[], more: RuleOptions = {}): Rule {
  return buildRule({ rungs: [buildRung(steps)], ...more });
}

/** A rule in mode `approve` with one change. */
function approving(more: RuleOptions = {}): Rule {
  return ruleOf([buildStep('one', change)], { mode: 'approve', ...more });
}

/** A stage on which the first change is planned and asked for. */
function asked(rule: Rule, steps: readonly IntendedStep[] = []): Stage {
  const stage = new Stage([rule]);
  stage.fire();
  stage.ask({ identity: { container: 'a' } }, steps);
  return stage;
}

/** A step of the rule's own, as it is foreseen. */
function foreseen(id: string, more: Partial<IntendedStep> = {}): IntendedStep {
  return {
    address: `0:steps/${id}`,
    uses: 'stub.change',
    connection: null,
    params: {},
    identity: { container: 'a' },
    summary: `change ${id}`,
    ...more,
  };
}

function expectWaits(stage: Stage): void {
  expect(stage.run).toMatchObject({ state: 'held', reason: 'approval' });
  expect(stage.approval.state).toBe('open');
  expect(stage.underWay).toEqual([]);
}

function kinds(stage: Stage): readonly string[] {
  return stage.timeline.map((entry) => entry.kind).filter((kind) => /approval|rejected/.test(kind));
}

describe('a change is asked for', () => {
  test.each([
    ['in mode approve', approving(), 'the rule is in mode approve'],
    ['where its step says so', ruleOf([buildStep('one', change, { approval: spec() })]), 'the step asks for an approval'],
    ['when it destroys', ruleOf([buildStep('one', destroy)]), 'is destructive and the rule does not say allow_destructive'],
  ])('%s, with what it would do, and keeps its claim', (_name, rule, why) => {
    const stage = asked(rule);
    expectWaits(stage);
    expect(stage.approval).toMatchObject({
      runId: stage.run.id,
      incidentId: stage.incident.id,
      address: '0:steps/one',
      roles: ['responder'],
      count: 1,
      excluded: null,
      askedAt: stage.now,
      timeoutAt: stage.now + 30 * MINUTE,
      expiresAt: stage.now + 24 * HOUR,
    });
    expect(stage.approval.why).toContain(why);
    expect(stage.approval.intent).toMatchObject([{ address: '0:steps/one', identity: { container: 'a' }, summary: 'change it' }]);
    expect(stage.claims).toEqual(['target:container/web']);
    expect(stage.step('0:steps/one')).toMatchObject({ state: 'running', stage: 'approving' });
    expect(stage.run.verdicts.at(-1)).toMatchObject({ gate: 'approval', verdict: 'hold' });
    const text = stage.timeline.find((entry) => entry.kind === 'approval_asked')?.text;
    expect(text).toContain('change it');
    expect(text).toContain('1 person with the role responder');
    expect(stage.signals).toContainEqual(expect.objectContaining({ kind: 'approval', state: 'open' }));
  });

  test.each([
    ['it destroys and the rule allows that', ruleOf([buildStep('one', destroy)], { safety: { allowDestructive: true } })],
    ['it only reads', ruleOf([buildStep('one', read)], { mode: 'approve' })],
  ])('not when %s', (_name, rule) => {
    const stage = new Stage([rule]);
    stage.fire();
    if (stage.underWay[0] === 'plan') stage.planned();
    expect(stage.underWay).toEqual([rule.readsOnly ? 'read' : 'act']);
  });

  test('not when its plan found nothing to do', () => {
    const stage = new Stage([approving()]);
    stage.fire();
    stage.planned({ count: 0 });
    expect(stage.underWay).toEqual(['act']);
  });

  test('after the reading steps before it', () => {
    const stage = new Stage([ruleOf([buildStep('look', read), buildStep('one', change)], { mode: 'approve' })]);
    stage.fire();
    stage.succeed('read', { idle: 5 });
    stage.ask();
    expectWaits(stage);
    expect(stage.step('0:steps/look').output).toEqual({ idle: 5 });
  });
});

describe('an approval', () => {
  test('lets the step be planned again, and done when it is the same', () => {
    const stage = asked(approving());
    expect(stage.approve(bob)).toEqual({
      ok: true,
      text: expect.stringContaining('approved by bob'),
      data: { run_id: stage.run.id, approvals: '1 of 1' },
    });
    expect(stage.approval).toMatchObject({ state: 'approved', approvedBy: ['bob'], decidedBy: 'bob', decidedAt: stage.now });
    expect(stage.underWay).toEqual(['plan']);
    stage.planned({ identity: { container: 'a' } });
    expect(stage.underWay).toEqual(['act']);
    expect(kinds(stage)).toEqual(['approval_asked', 'approval_given']);
    expect(stage.run.verdicts.at(-1)).toMatchObject({ gate: 'approval', verdict: 'proceed' });
    expect(stage.incident.status).toBe('triggered');
  });

  test.each([
    ['another thing', { identity: { container: 'b' } }],
    ['more of it', { identity: { container: 'a', limit: 6 } }],
  ])('is void when the new plan would change %s, and people are asked again', (_name, plan) => {
    const stage = new Stage([approving()]);
    stage.fire();
    stage.ask({ identity: { container: 'a', limit: 5 } });
    stage.approve(bob);
    stage.ask(plan);
    expectWaits(stage);
    expect(stage.state.approvals.map(({ state }) => state)).toEqual(['void', 'open']);
    expect(kinds(stage)).toEqual(['approval_asked', 'approval_given', 'approval_void', 'approval_asked']);
    stage.approve(carol);
    stage.planned(plan);
    expect(stage.underWay).toEqual(['act']);
  });

  test('is void when the alerts resolve and fire again before the step is done', () => {
    const stage = asked(approving());
    stage.pass(1 * MINUTE);
    stage.approve(bob);
    stage.resolve();
    stage.fire();
    stage.ask({ identity: { container: 'a' } });
    expectWaits(stage);
    expect(stage.state.approvals.map(({ state }) => state)).toEqual(['void', 'open']);
  });

  test('holds for less than it allowed', () => {
    const stage = new Stage([approving()]);
    stage.fire();
    stage.ask({ identity: { container: 'a', limit: 5 } });
    stage.approve(bob);
    stage.planned({ identity: { container: 'a', limit: 3 } });
    expect(stage.underWay).toEqual(['act']);
  });

  test('holds for the attempts of its step, inside its intent', () => {
    const retry = { attempts: 2, backoffMs: 2 * SECOND };
    const stage = asked(ruleOf([buildStep('one', change, { retry })], { mode: 'approve' }));
    stage.approve(bob);
    stage.planned({ identity: { container: 'a' } });
    stage.fail('act');
    stage.pass(2 * SECOND);
    stage.planned({ identity: { container: 'a' } });
    expect(stage.underWay).toEqual(['act']);
  });

  test('waits for a touch that another run holds without asking again', () => {
    const stage = new Stage([
      ruleOf([buildStep('one', change)], { name: 'first', digest: 'first', labels: { alertname: 'Slow' } }),
      approving(),
    ]);
    stage.fire({ alertname: 'Slow', name: 'api' });
    stage.planned({ touches: ['postgres:main'] });
    stage.fire();
    stage.ask({ touches: ['postgres:main'] });
    stage.approve(bob, { runId: stage.run.id });
    stage.planned({ touches: ['postgres:main'] });
    expect(stage.run).toMatchObject({ state: 'running', reason: 'target_busy' });
    const holder = stage.state.runs.find(({ rule }) => rule === 'first')?.id ?? 'none';
    const waits = [`${stage.run.target}: step one waits: postgres:main is taken by run ${holder}`];
    expect(stage.told('run_held')).toEqual(waits);
    stage.pass(30 * SECOND);
    stage.planned({ touches: ['postgres:main'] });
    expect(stage.told('run_held')).toEqual(waits);
    expect(stage.timeline.findLast(({ kind }) => kind === 'run_held')).toMatchObject({
      runId: stage.run.id,
      reason: 'target_busy',
    });
    stage.succeed('act');
    stage.resolve({ alertname: 'Slow', name: 'api' });
    stage.pass(30 * SECOND);
    stage.planned({ touches: ['postgres:main'] });
    expect(stage.underWay).toEqual(['act']);
    expect(stage.state.approvals).toHaveLength(1);
  });
});

describe('the steps after it', () => {
  const two = ruleOf([buildStep('one', change), buildStep('two', change)], { mode: 'approve' });

  function afterFirst(steps: readonly IntendedStep[]): Stage {
    const stage = asked(two, steps);
    stage.approve(bob);
    stage.change({ identity: { container: 'a' } });
    return stage;
  }

  test('are allowed with it where they were foreseen', () => {
    const stage = afterFirst([foreseen('two')]);
    stage.planned({ identity: { container: 'a' } });
    expect(stage.underWay).toEqual(['act']);
  });

  test.each([
    ['were not foreseen', []],
    ['would change something else', [foreseen('two', { identity: { container: 'b' } })]],
    ['have other parameters', [foreseen('two', { params: { force: true } })]],
    ['use another connection', [foreseen('two', { connection: 'other' })]],
    ['use another remediation', [foreseen('two', { uses: 'stub.other' })]],
  ])('are asked for when they %s', (_name, steps) => {
    const stage = afterFirst(steps);
    stage.ask({ identity: { container: 'a' } });
    expectWaits(stage);
    expect(stage.approval.address).toBe('0:steps/two');
  });

  test('are asked for by themselves where they say `approval`', () => {
    const rule = ruleOf([buildStep('one', change), buildStep('two', change, { approval: spec() })], { mode: 'approve' });
    const stage = asked(rule, [foreseen('two')]);
    stage.approve(bob);
    stage.change({ identity: { container: 'a' } });
    stage.ask({ identity: { container: 'a' } });
    expectWaits(stage);
  });

  test('are not allowed by fewer people, or by others, than the rule wants', () => {
    const first = buildStep('one', change, { approval: spec() });
    for (const more of [{ count: 2 }, { roles: ['dba'] }]) {
      const stage = asked(ruleOf([first, buildStep('two', change)], { mode: 'approve', approval: spec(more) }), [
        foreseen('two'),
      ]);
      stage.approve(bob);
      stage.change({ identity: { container: 'a' } });
      stage.ask({ identity: { container: 'a' } });
      expectWaits(stage);
    }
  });

  test('the rounds of one step are one question, as far as they were foreseen', () => {
    const each = buildStep('one', change, { approval: spec(), forEach: listTemplate('list', () => ['a', 'b', 'c']) });
    const stage = asked(ruleOf([each]), [foreseen('one[1]')]);
    stage.approve(bob);
    stage.change({ identity: { container: 'a' } });
    stage.change({ identity: { container: 'a' } });
    stage.ask({ identity: { container: 'a' } });
    expect(stage.approval.address).toBe('0:steps/one[2]');
  });

  test('what is over, elsewhere or asked for itself is not intended twice', () => {
    const stage = asked(two, [foreseen('one'), foreseen('two'), foreseen('two', { address: '1:steps/two' })]);
    expect(stage.approval.intent.map(({ address }) => address)).toEqual(['0:steps/one', '0:steps/two']);
  });
});

describe('who answers', () => {
  test('has one of the roles', () => {
    const stage = asked(approving());
    const answer = stage.approve(zoe);
    expect(answer).toMatchObject({
      ok: false,
      code: 'forbidden',
      text: expect.stringContaining('only responder may approve it'),
    });
    expect(stage.reject(zoe)).toMatchObject({ ok: false, code: 'forbidden' });
    expectWaits(stage);
    expect(stage.audit.map(({ action, ok }) => [action, ok])).toEqual([
      ['approve', false],
      ['reject', false],
    ]);
  });

  test('is any responder where no role is named', () => {
    const stage = asked(approving({ approval: spec({ roles: [] }) }));
    expect(stage.approve({ ...zoe, role: 'viewer' })).toMatchObject({ ok: false, code: 'forbidden' });
    expect(stage.approve(zoe)).toMatchObject({ ok: true });
  });

  test('two are two people, not two clicks', () => {
    const stage = asked(approving({ approval: spec({ count: 2 }) }));
    expect(stage.approve(bob)).toMatchObject({ ok: true, data: { approvals: '1 of 2' } });
    expectWaits(stage);
    expect(stage.approve(bob)).toMatchObject({ ok: false, code: 'conflict' });
    expectWaits(stage);
    expect(stage.approve(carol)).toMatchObject({ ok: true, data: { approvals: '2 of 2' } });
    expect(stage.approval).toMatchObject({ state: 'approved', approvedBy: ['bob', 'carol'] });
    expect(stage.underWay).toEqual(['plan']);
  });

  test('second learns who decided', () => {
    const stage = asked(approving());
    const { id, intentDigest } = stage.approval;
    stage.approve(bob);
    for (const more of [{}, { approvalId: id }, { intentDigest }, { runId: stage.run.id }]) {
      expect(stage.approve(carol, more)).toMatchObject({ ok: false, code: 'conflict', text: 'bob approved it already' });
      expect(stage.reject(carol, more)).toMatchObject({ ok: false, text: 'bob approved it already' });
    }
    expect(stage.approval.approvedBy).toEqual(['bob']);
  });

  test.each([
    ['an unknown question', { approvalId: 'nobody-knows' }, 'is not known'],
    ['what is no longer intended', { intentDigest: '0'.repeat(64) }, 'not what you saw'],
  ])('is refused for %s', (_name, more, text) => {
    const stage = asked(approving());
    expect(stage.approve(bob, more)).toMatchObject({ ok: false, code: 'conflict', text: expect.stringContaining(text) });
    expectWaits(stage);
  });

  test('is refused for a question that became another', () => {
    const stage = asked(approving());
    const { id, intentDigest } = stage.approval;
    stage.approve(bob);
    stage.ask({ identity: { container: 'b' } });
    expect(stage.approve(carol, { approvalId: id })).toMatchObject({ ok: false, text: expect.stringContaining('void') });
    expect(stage.approve(carol, { intentDigest })).toMatchObject({
      ok: false,
      text: expect.stringContaining('not what you saw'),
    });
    expectWaits(stage);
  });

  test('names the run where several wait, and the incident or the run at all', () => {
    const stage = new Stage([approving()]);
    stage.fire();
    stage.ask();
    stage.fire({ name: 'api' });
    stage.ask();
    expect(stage.approve(bob)).toMatchObject({ ok: false, text: expect.stringContaining('name one: run-1, run-2') });
    expect(stage.approve(bob, { runId: 'run-2' })).toMatchObject({ ok: true });
    expect(stage.approve(bob)).toMatchObject({ ok: true });
    expect(stage.apply({ kind: 'approve', incidentId: null, actor: bob })).toMatchObject({ ok: false, code: 'invalid' });
    expect(stage.approve(bob, { runId: 'run-9' })).toMatchObject({ ok: false, code: 'not_found' });
    expect(stage.apply({ kind: 'approve', incidentId: 'inc-9', actor: bob })).toMatchObject({ ok: false, code: 'not_found' });
  });

  test('finds nothing where nothing waits', () => {
    const stage = new Stage([buildRule()]);
    stage.fire();
    expect(stage.approve(bob)).toMatchObject({ ok: false, code: 'conflict', text: 'no run waits for an approval' });
  });

  test('says a thing once: a request that was taken is refused', () => {
    const stage = asked(approving({ approval: spec({ count: 2 }) }));
    const once = { ...bob, requestId: 'click-1' };
    expect(stage.approve(once)).toMatchObject({ ok: true });
    expect(stage.approve(once)).toMatchObject({ ok: false, text: 'this request was taken already' });
  });
});

describe('a rejection', () => {
  test('ends the run, with its reason, and nothing further is done in this episode', () => {
    const stage = asked(approving());
    expect(stage.reject(bob, { reason: 'a release is under way' })).toMatchObject({ ok: true });
    expect(stage.ending).toEqual(['ended', 'cancelled', 'rejected']);
    expect(stage.approval).toMatchObject({ state: 'rejected', decidedBy: 'bob', reason: 'a release is under way' });
    expect(stage.step('0:steps/one')).toMatchObject({ state: 'failed', error: { code: 'not_approved' } });
    expect(stage.claims).toEqual([]);
    expect(stage.escalations).toEqual([]);
    stage.fire();
    expect(stage.state.runs).toHaveLength(1);
    expect(stage.approve(carol)).toMatchObject({ ok: false, text: 'bob rejected it already: a release is under way' });
  });
});

describe('time', () => {
  test('escalates a question that nobody answers, which can still be answered', () => {
    const stage = asked(approving());
    stage.pass(30 * MINUTE);
    expect(stage.escalations).toEqual(['approval_timeout']);
    expectWaits(stage);
    stage.pass(23 * HOUR);
    expect(stage.escalations).toEqual(['approval_timeout']);
    expect(stage.approve(bob)).toMatchObject({ ok: true });
    stage.planned({ identity: { container: 'a' } });
    expect(stage.underWay).toEqual(['act']);
  });

  test('ends it after a day', () => {
    const stage = asked(approving());
    stage.pass(24 * HOUR);
    expect(stage.ending).toEqual(['ended', 'cancelled', 'approval_timeout']);
    expect(stage.approval.state).toBe('expired');
    expect(stage.claims).toEqual([]);
    expect(stage.approve(bob)).toMatchObject({ ok: false, text: expect.stringContaining('nobody answered in time') });
  });

  test('ends it at the timeout where the rule says cancel', () => {
    const stage = asked(approving({ approval: spec({ onTimeout: 'cancel', timeoutMs: 5 * MINUTE }) }));
    stage.pass(5 * MINUTE - 1);
    expectWaits(stage);
    stage.pass(1);
    expect(stage.ending).toEqual(['ended', 'cancelled', 'approval_timeout']);
    expect(stage.escalations).toEqual([]);
  });

  test('that is up ends it also when the answer comes before anybody looked', () => {
    const stage = asked(approving({ approval: spec({ onTimeout: 'cancel', timeoutMs: 5 * MINUTE }) }));
    stage.now += 5 * MINUTE;
    expect(stage.approve(bob)).toMatchObject({ ok: false, code: 'conflict' });
    expect(stage.ending).toEqual(['ended', 'cancelled', 'approval_timeout']);
  });

  test('that a run waits is not its own', () => {
    const stage = asked(approving());
    stage.pass(20 * MINUTE);
    stage.approve(bob);
    expect(stage.run.deadlineAt).toBe(stage.now + 15 * MINUTE);
    stage.planned({ identity: { container: 'a' } });
    expect(stage.underWay).toEqual(['act']);
  });

  test('keeps its place when the rules are reloaded', () => {
    const stage = asked(approving());
    stage.reload([approving({ digest: 'other', mode: 'auto' })]);
    expectWaits(stage);
    expect(stage.run.wakeAt).toBe(stage.now + 30 * MINUTE);
    stage.approve(bob);
    stage.planned({ identity: { container: 'b' } });
    expect(stage.underWay).toEqual(['foresee']);
  });
});

describe('while it waits', () => {
  test('its alerts resolve: the approval is void and the run ends', () => {
    const stage = asked(approving());
    stage.pass(1 * MINUTE);
    stage.resolve();
    expect(stage.ending).toEqual(['ended', 'self_resolved', 'alerts_resolved']);
    expect(stage.approval).toMatchObject({ state: 'void', reason: 'its alerts have resolved' });
    expect(stage.approve(bob)).toMatchObject({ ok: false, text: expect.stringContaining('its alerts have resolved') });
    expect(kinds(stage)).toEqual(['approval_asked', 'approval_void']);
    expect(stage.claims).toEqual([]);
  });

  test('its alerts resolve after it has acted: what was done is verified', () => {
    const rule = ruleOf([buildStep('one', change), buildStep('two', change, { approval: spec() })]);
    const stage = new Stage([rule]);
    stage.fire();
    stage.change();
    stage.ask();
    stage.pass(1 * SECOND);
    stage.resolve();
    expect(stage.approval.state).toBe('void');
    expect(stage.step('0:steps/two').state).toBe('skipped');
    stage.pass(1 * MINUTE);
    expect(stage.ending).toEqual(['ended', 'verified', null]);
  });

  test('its alerts resolve although it is to finish: people are asked again, and can answer', () => {
    const rule = ruleOf([buildStep('one', change), buildStep('two', change, { approval: spec() })], { onResolved: 'finish' });
    const stage = new Stage([rule]);
    stage.fire();
    stage.change();
    stage.ask();
    stage.pass(1 * SECOND);
    stage.resolve();
    expect(stage.approval.state).toBe('void');
    expect(stage.underWay).toEqual(['plan']);
    stage.ask();
    stage.pass(1 * SECOND);
    expectWaits(stage);
    expect(stage.approve(bob)).toMatchObject({ ok: true });
    stage.planned();
    expect(stage.underWay).toEqual(['act']);
  });

  test('its alerts resolve and fire again before anybody looked: the question is another', () => {
    const stage = asked(approving());
    const { id } = stage.approval;
    stage.pass(1 * MINUTE);
    stage.resolve({}, { isBusy: true });
    stage.now += 1 * SECOND;
    stage.fire({}, { isBusy: true });
    expect(stage.approve(bob, { approvalId: id })).toMatchObject({ ok: false, text: expect.stringContaining('void') });
    expect(stage.underWay).toEqual(['plan']);
  });

  test('it is acknowledged: it can still be approved', () => {
    const stage = asked(approving());
    stage.acknowledge();
    expectWaits(stage);
    expect(stage.approve(bob)).toMatchObject({ ok: true });
    expect(stage.incident.acknowledgedBy).toBe('ada');
    stage.planned({ identity: { container: 'a' } });
    expect(stage.underWay).toEqual(['act']);
  });

  test('it is cancelled', () => {
    const stage = asked(approving());
    expect(stage.cancel()).toMatchObject({ ok: true, text: expect.stringContaining('nothing was changed') });
    expect(stage.ending).toEqual(['ended', 'cancelled', 'cancelled_by_person']);
    expect(stage.approval).toMatchObject({ state: 'void', reason: 'ada cancelled the run' });
    expect(stage.claims).toEqual([]);
  });

  test('its incident is resolved by a person', () => {
    const stage = asked(approving());
    expect(stage.dismiss()).toMatchObject({ ok: true });
    expect(stage.ending).toEqual(['ended', 'cancelled', 'dismissed']);
    expect(stage.approval.state).toBe('void');
    expect(stage.incident.status).toBe('resolved');
  });

  test('nobody can retry it', () => {
    const stage = asked(approving());
    expect(stage.retry()).toMatchObject({ ok: false });
    expect(stage.retry({ override: 'storm', reason: 'now' })).toMatchObject({ ok: false });
    expectWaits(stage);
  });

  test('another run of the target has to wait', () => {
    const second = ruleOf([buildStep('one', change)], { name: 'second', digest: 'second', labels: { alertname: 'Slow' } });
    const stage = new Stage([approving(), second]);
    stage.fire();
    stage.ask();
    stage.fire({ alertname: 'Slow' });
    expect(stage.run).toMatchObject({ rule: 'second', state: 'held', reason: 'target_busy' });
  });

  test('after it has acted, its target counts as one that the rule works on', () => {
    const rule = ruleOf([buildStep('one', change), buildStep('two', change, { approval: spec() })], {
      safety: { maxTargets: { atOnce: 1, windows: [] } },
    });
    const stage = new Stage([rule]);
    stage.fire();
    stage.change();
    stage.ask();
    stage.fire({ name: 'api' });
    expect(stage.run).toMatchObject({ state: 'held', reason: 'blast_radius' });
  });

  test('before it has acted, it takes no slot; approved at once with another, it waits for that one', () => {
    const stage = new Stage([approving({ safety: { maxTargets: { atOnce: 1, windows: [] } } })]);
    stage.fire();
    stage.ask();
    stage.fire({ name: 'api' });
    stage.ask({ touches: ['docker:api'] });
    stage.approve(bob, { runId: 'run-1' });
    stage.approve(bob, { runId: 'run-2' });
    stage.planned();
    stage.planned({ touches: ['docker:api'] });
    expect(stage.underWay).toEqual(['act']);
    expect(stage.run).toMatchObject({ id: 'run-2', state: 'running', reason: 'blast_radius' });
    stage.succeed('act');
    stage.resolve();
    stage.pass(10 * SECOND);
    stage.planned({ touches: ['docker:api'] });
    expect(stage.underWay).toEqual(['act']);
  });

  test('a cancel before people are asked ends it without a question', () => {
    const stage = new Stage([approving()]);
    stage.fire();
    stage.planned();
    stage.cancel();
    stage.foreseen();
    expect(stage.ending).toEqual(['ended', 'cancelled', 'cancelled_by_person']);
    expect(stage.state.approvals).toEqual([]);
  });

  test('alerts that resolve before people are asked end it without a question', () => {
    const stage = new Stage([approving()]);
    stage.fire();
    stage.planned();
    stage.resolve();
    stage.foreseen();
    expect(stage.ending).toEqual(['ended', 'self_resolved', 'alerts_resolved']);
    expect(stage.state.approvals).toEqual([]);
  });
});

describe('finally', () => {
  const undo = buildStep('undo', change);

  function withFinally(last: Step, more: RuleOptions = {}): Rule {
    return buildRule({ rungs: [buildRung([buildStep('one', change)], { finally: [last] })], mode: 'approve', ...more });
  }

  test('may clean up when people allowed the rung', () => {
    const stage = asked(withFinally(undo));
    stage.approve(bob);
    stage.planned({ identity: { container: 'a' } });
    stage.fail('act');
    stage.planned();
    expect(stage.underWay).toEqual(['act']);
    expect(stage.step('0:finally/undo').stage).toBe('acting');
  });

  test('is skipped with a note when nobody allowed anything', () => {
    const stage = asked(withFinally(undo));
    stage.reject(bob);
    expect(stage.underWay).toEqual(['plan']);
    stage.planned();
    expect(stage.step('0:finally/undo').state).toBe('skipped');
    expect(stage.ending).toEqual(['ended', 'cancelled', 'rejected']);
    expect(stage.timeline.some(({ kind, text }) => kind === 'note' && text.includes('nobody approved it'))).toBe(true);
    expect(stage.escalations).toEqual([]);
  });

  test.each([
    ['asks for an approval', buildStep('undo', change, { approval: spec() })],
    ['destroys', buildStep('undo', destroy)],
  ])('fails where it %s: nobody is asked any more', (_name, last) => {
    const stage = asked(withFinally(last));
    stage.approve(bob);
    stage.planned({ identity: { container: 'a' } });
    stage.fail('act');
    stage.planned();
    expect(stage.step('0:finally/undo')).toMatchObject({ state: 'failed', error: { code: 'not_approved' } });
    expect(stage.escalations).toContain('finally_failed');
  });

  test('runs freely where the rung needed no approval', () => {
    const rule = buildRule({
      rungs: [buildRung([buildStep('one', change, { approval: spec() })], { finally: [undo] })],
    });
    const stage = asked(rule);
    stage.pass(24 * HOUR);
    stage.planned();
    expect(stage.underWay).toEqual(['act']);
  });

  test('a plan that found nothing to do allows nothing', () => {
    const rule = withFinally(undo, {
      rungs: [buildRung([buildStep('none', change), buildStep('one', change)], { finally: [undo] })],
    });
    const stage = new Stage([rule]);
    stage.fire();
    stage.change({ count: 0 });
    stage.ask();
    stage.reject(bob);
    stage.planned();
    expect(stage.step('0:finally/undo').state).toBe('skipped');
  });
});

test('a fallback asks again', () => {
  const isOk = condition('output.ok', ({ output }) => output?.['ok'] === true);
  const rule = buildRule({
    mode: 'approve',
    rungs: [buildRung([buildStep('one', change)]), buildRung([buildStep('one', change)])],
    verify: buildVerify({ checks: [buildCheck(read, isOk)], resolvedWithinMs: 10 * SECOND }),
  });
  const stage = asked(rule);
  stage.approve(bob);
  stage.change({ identity: { container: 'a' } });
  stage.pass(10 * SECOND, false);
  stage.ask({ identity: { container: 'a' } });
  expectWaits(stage);
  expect(stage.approval).toMatchObject({ address: '1:steps/one' });
});

describe('a person lets one run pass a gate that waits for a judgement', () => {
  test('storm', () => {
    const stage = new Stage([buildRule()], { storm: { count: 1, windowMs: HOUR } });
    stage.fire();
    stage.fire({ name: 'api' });
    expect(stage.run).toMatchObject({ state: 'held', reason: 'storm' });
    expect(stage.approve(zoe)).toMatchObject({ ok: false, code: 'forbidden' });
    expect(stage.approve(bob)).toMatchObject({ ok: true });
    expect(stage.run).toMatchObject({ state: 'running', overrides: ['storm'] });
    expect(stage.audit.map(({ person: who, ok }) => [who, ok])).toEqual([
      ['zoe', false],
      ['bob', true],
    ]);
  });

  test('unconfirmed', () => {
    const stage = new Stage([buildRule({ safety: { cooldownMs: 0 } })]);
    const startsAt = stage.now;
    stage.fire();
    stage.cancel();
    stage.planned();
    stage.pass(1 * MINUTE);
    stage.resolve();
    stage.pass(1 * SECOND);
    stage.fire({}, { startsAt });
    expect(stage.run).toMatchObject({ state: 'held', reason: 'unconfirmed' });
    expect(stage.approve(bob)).toMatchObject({ ok: true });
    expect(stage.run.state).toBe('running');
  });

  test('or rejects it', () => {
    const stage = new Stage([buildRule()], { storm: { count: 0, windowMs: HOUR } });
    stage.fire();
    expect(stage.reject(bob)).toMatchObject({ ok: true });
    expect(stage.ending).toEqual(['ended', 'cancelled', 'rejected']);
  });
});

describe('a crash', () => {
  test('while the steps to come are planned repeats that', () => {
    const stage = new Stage([approving()]);
    stage.fire();
    stage.planned({ identity: { container: 'a' } });
    stage.crash(10 * MINUTE);
    expect(stage.underWay).toEqual(['foresee']);
    stage.foreseen();
    expectWaits(stage);
  });

  test('while people are asked leaves it waiting, with its claim and its times', () => {
    const stage = asked(approving());
    const { wakeAt } = stage.run;
    stage.crash(10 * MINUTE);
    expectWaits(stage);
    expect(stage.run.wakeAt).toBe(wakeAt);
    expect(stage.claims).toEqual(['target:container/web']);
    stage.approve(bob);
    stage.planned({ identity: { container: 'a' } });
    expect(stage.underWay).toEqual(['act']);
  });

  test('after the approval plans again, inside the intent', () => {
    const stage = asked(approving());
    stage.approve(bob);
    stage.crash(10 * MINUTE);
    expect(stage.underWay).toEqual(['plan']);
    stage.planned({ identity: { container: 'b' } });
    expect(stage.underWay).toEqual(['foresee']);
  });

  test('while it acts is as without an approval', () => {
    const stage = asked(approving());
    stage.approve(bob);
    stage.planned({ identity: { container: 'a' } });
    stage.crash(10 * SECOND);
    expect(stage.ending).toEqual(['ended', 'interrupted', 'step_unknown']);
  });
});

describe('a rule that observes', () => {
  test('asks when a person runs it for real, and that person may answer', () => {
    const stage = new Stage([buildRule({ mode: 'observe' })]);
    stage.fire();
    stage.retry();
    stage.ask();
    expect(stage.approval).toMatchObject({ why: 'the rule is in mode observe', excluded: null });
  });
});

describe('retry without an override', () => {
  test.each([
    ['delay', { delayMs: 5 * MINUTE }],
    ['cancel_window', { cancelWindowMs: 5 * MINUTE }],
  ] as const)('runs now what is held by %s', (gate, more) => {
    const stage = new Stage([buildRule(more)]);
    stage.fire();
    expect(stage.run).toMatchObject({ state: 'held', reason: gate });
    expect(stage.retry({ role: 'responder' })).toMatchObject({ ok: true });
    expect(stage.run.state).toBe('running');
  });

  test('does not skip another gate', () => {
    const stage = new Stage([buildRule()], { storm: { count: 0, windowMs: HOUR } });
    stage.fire();
    expect(stage.retry({ role: 'responder' })).toMatchObject({ ok: false });
    expect(stage.run.state).toBe('held');
  });
});

test('what a step is asked for with is rendered with its parameters', () => {
  const limited = callOf(change, () => ({ limit: 50 }));
  const stage = asked(ruleOf([buildStep('one', limited)], { mode: 'approve' }));
  expect(stage.approval.intent[0]?.params).toEqual({ limit: 50 });
});
