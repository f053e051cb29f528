import type { Rule } from '../../src/domain/rule.ts';
import type { TextTemplate } from '../../src/domain/rule.ts';
import { ExpressionError } from '../../src/domain/scope.ts';
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

const change = stubRemediation('stub.change');
const destroy = stubRemediation('stub.destroy', 'destructive');
const read = stubRemediation('stub.read', 'read');
const bob = person('bob');
const carol = person('carol');
const zoe = person('zoe', ['dba']);

const FIXED: TextTemplate = { source: 'postgres/main', render: () => 'postgres/main', renderForPeople: () => 'postgres/main' };
const BY_PARAM: TextTemplate = {
  source: 'container/{{ params.name }}',
  render: ({ params }) => {
    const name = params?.['name'];
    if (typeof name !== 'string') throw new ExpressionError('missing_value', 'params.name has no value');
    return `container/${name}`;
  },
  renderForPeople: () => '',
};

function byHand(more: RuleOptions = {}): Rule {
  return buildRule({ name: 'fix', manual: { roles: ['responder'] }, target: FIXED, ...more });
}

function withSteps(more: RuleOptions, ...steps: readonly ReturnType<typeof buildStep>[]): Rule {
  return byHand({ rungs: [buildRung(steps)], ...more });
}

describe('a run by hand', () => {
  test('starts at once, claims its target, and belongs to no incident', () => {
    const stage = new Stage([byHand()]);
    expect(stage.runByHand(bob, 'fix')).toEqual({
      ok: true,
      text: 'run run-1 of fix is started for postgres/main',
      data: { run_id: 'run-1' },
    });
    expect(stage.run).toMatchObject({
      state: 'running',
      trigger: 'manual',
      actor: 'bob',
      incidentId: null,
      lineId: null,
      target: 'postgres/main',
    });
    expect(stage.claims).toEqual(['target:postgres/main']);
    stage.change();
    expect(stage.ending).toEqual(['ended', 'completed', null]);
    expect(stage.state.incidents).toEqual([]);
    expect(stage.claims).toEqual([]);
  });

  test('gets its parameters checked, with their defaults', () => {
    const rule = byHand({
      target: BY_PARAM,
      params: { name: { type: 'string', required: true, pattern: '[a-z]+' }, wait: { type: 'duration', default: '10m' } },
    });
    const stage = new Stage([rule]);
    expect(stage.runByHand(bob, 'fix', { params: { name: 'web' } })).toMatchObject({ ok: true });
    expect(stage.run).toMatchObject({ target: 'container/web', params: { name: 'web', wait: 600_000 } });
  });

  test('takes lists and mappings as a command line can write them', () => {
    const stage = new Stage([byHand({ params: { names: { type: 'list' }, by: { type: 'map' }, text: { type: 'string' } } })]);
    stage.runByHand(bob, 'fix', { params: { names: 'web, db', by: '{"a":1}', text: '[1]' } });
    expect(stage.run.params).toEqual({ names: ['web', 'db'], by: { a: 1 }, text: '[1]' });
    stage.change();
    stage.runByHand(bob, 'fix', { params: { names: '["a,b"]' } });
    expect(stage.run.params).toEqual({ names: ['a,b'] });
    stage.change();
    expect(stage.runByHand(bob, 'fix', { params: { by: 'a=1' } })).toMatchObject({ ok: false, code: 'invalid' });
  });

  test.each([
    ['a rule that is not there', 'other', {}, bob, 'not_found', 'there is no rule other'],
    [
      'a person without the role',
      'fix',
      {},
      zoe,
      'forbidden',
      'only responder may run fix; the roles of zoe are: dba (responder)',
    ],
    ['an unknown parameter', 'fix', { params: { force: true } }, bob, 'invalid', 'unknown parameter "force"; known are: name'],
    ['a parameter that does not fit', 'fix', { params: { name: 'A' } }, bob, 'invalid', 'expected a match of [a-z]+'],
    ['a parameter that is missing', 'fix', {}, bob, 'invalid', 'parameter "name" is required'],
    ['another target than its own', 'fix', { params: { name: 'web' }, target: 'x' }, bob, 'invalid', 'is container/web'],
    ['a rule without `manual`', 'alerts-only', {}, bob, 'invalid', 'alerts-only is not run by hand'],
    ['a rule without steps', 'tells-only', {}, bob, 'invalid', 'tells-only has no steps'],
    ['a target that needs labels', 'labelled', {}, bob, 'invalid', 'name one with --target'],
  ] as const)('is refused for %s, in one line', (_name, rule, more, who, code, text) => {
    const stage = new Stage([
      byHand({ target: BY_PARAM, params: { name: { type: 'string', required: true, pattern: '[a-z]+' } } }),
      buildRule({ name: 'alerts-only' }),
      byHand({ name: 'tells-only', rungs: [] }),
      buildRule({ name: 'labelled', manual: { roles: ['responder'] } }),
    ]);
    const answer = stage.runByHand(who, rule, more);
    expect(answer).toMatchObject({ ok: false, code, text: expect.stringContaining(text) });
    expect(answer?.text).not.toContain('\n');
    expect(stage.state.runs).toEqual([]);
  });

  test('takes a target where the rule needs labels that a hand has not', () => {
    const stage = new Stage([buildRule({ name: 'labelled', manual: { roles: [] } })]);
    expect(stage.runByHand(bob, 'labelled', { target: 'container/web' })).toMatchObject({ ok: true });
    expect(stage.run.target).toBe('container/web');
  });

  test('is refused while paused, and while its target is taken', () => {
    const stage = new Stage([byHand()]);
    stage.pause();
    expect(stage.runByHand(bob, 'fix')).toMatchObject({
      ok: false,
      code: 'conflict',
      text: expect.stringContaining('paused by ada'),
    });
    stage.resume();
    stage.runByHand(bob, 'fix');
    expect(stage.runByHand(carol, 'fix')).toMatchObject({ ok: false, text: expect.stringContaining('taken by run run-1') });
    expect(stage.state.runs).toHaveLength(1);
  });

  test('is not stopped by limits, and counts in them', () => {
    const safety = { maxRuns: [{ count: 1, windowMs: 60 * MINUTE }] };
    const alerted = buildRule({ target: FIXED, safety });
    const stage = new Stage([byHand({ safety, mode: 'auto', delayMs: MINUTE }), alerted]);
    for (let round = 0; round < 2; round += 1) {
      stage.runByHand(bob, 'fix');
      stage.change();
      stage.pass(1 * SECOND);
    }
    expect(stage.state.runs.map(({ outcome }) => outcome)).toEqual(['completed', 'completed']);
    stage.fire({ alertname: 'Down' });
    expect(stage.run).toMatchObject({ rule: 'fix', state: 'held', reason: 'rate_limited' });
  });

  test('is verified by its checks alone: there is no alert to watch', () => {
    const isOk = condition('output.ok', ({ output }) => output?.['ok'] === true);
    const verify = buildVerify({ checks: [buildCheck(read, isOk)], needsResolved: true });
    const stage = new Stage([byHand({ verify })]);
    stage.runByHand(bob, 'fix');
    stage.change();
    stage.pass(1 * SECOND, true);
    expect(stage.ending).toEqual(['ended', 'verified', null]);
  });

  test('has nothing to verify where only the alert could say it', () => {
    const stage = new Stage([byHand({ verify: buildVerify() })]);
    stage.runByHand(bob, 'fix');
    stage.change();
    expect(stage.ending).toEqual(['ended', 'completed', null]);
  });

  test('is cancelled by its id', () => {
    const stage = new Stage([byHand()]);
    stage.runByHand(bob, 'fix');
    expect(stage.cancel('run-9', null)).toMatchObject({ ok: false, code: 'not_found' });
    expect(stage.cancel('run-1', null)).toMatchObject({ ok: true });
    stage.planned();
    expect(stage.ending).toEqual(['ended', 'cancelled', 'cancelled_by_person']);
    expect(stage.cancel('run-1', null)).toMatchObject({ ok: false, code: 'conflict' });
    expect(stage.state.incidents).toEqual([]);
  });
});

describe('the parameters of a rule that alerts start', () => {
  test('are their defaults', () => {
    const stage = new Stage([buildRule({ target: BY_PARAM, params: { name: { type: 'string', default: 'web' } } })]);
    stage.fire();
    expect(stage.run).toMatchObject({ trigger: 'alert', target: 'container/web', params: { name: 'web' } });
  });
});

describe('a run by hand that does not end well', () => {
  test('opens an incident, which is escalated', () => {
    const stage = new Stage([byHand()]);
    stage.runByHand(bob, 'fix');
    stage.planned();
    stage.fail('act', 'rejected');
    expect(stage.ending).toEqual(['ended', 'failed', 'rejected']);
    expect(stage.run.incidentId).toBe(stage.incident.id);
    expect(stage.incident).toMatchObject({ rule: 'fix', status: 'triggered', firing: 0, escalationLevel: 1 });
    expect(stage.escalations).toEqual(['rejected']);
    stage.pass(60 * MINUTE);
    expect(stage.incident.status).toBe('triggered');
    expect(stage.dismiss()).toMatchObject({ ok: true });
    expect(stage.incident.status).toBe('resolved');
  });

  test('opens one also when only its `finally` failed', () => {
    const rungs = [buildRung([buildStep('one', change)], { finally: [buildStep('undo', change)] })];
    const stage = new Stage([byHand({ rungs })]);
    stage.runByHand(bob, 'fix');
    stage.change();
    stage.fail('plan');
    expect(stage.ending).toEqual(['ended', 'completed', null]);
    expect(stage.incident.status).toBe('triggered');
    expect(stage.escalations).toEqual(['finally_failed']);
    expect(stage.timeline.at(-1)?.text).toContain('undo: unavailable');
  });

  test('leaves its target in quarantine until a person cancels it', () => {
    const stage = new Stage([byHand()]);
    stage.runByHand(bob, 'fix');
    stage.planned();
    stage.crash(10 * SECOND);
    expect(stage.ending).toEqual(['ended', 'interrupted', 'step_unknown']);
    expect(stage.runByHand(carol, 'fix')).toMatchObject({ ok: false, text: expect.stringContaining('quarantine') });
    expect(stage.cancel()).toMatchObject({ ok: true });
    expect(stage.runByHand(carol, 'fix')).toMatchObject({ ok: true });
  });
});

describe('a run by hand that asks', () => {
  test.each([
    ['its rule is in mode approve', withSteps({ mode: 'approve' }, buildStep('one', change))],
    [
      'it destroys, whatever allow_destructive says',
      withSteps({ safety: { allowDestructive: true } }, buildStep('one', destroy)),
    ],
  ])('opens an incident, in which another person answers: %s', (_name, rule) => {
    const stage = new Stage([rule]);
    stage.runByHand(bob, 'fix');
    stage.ask();
    expect(stage.run).toMatchObject({ state: 'held', reason: 'approval', incidentId: stage.incident.id });
    expect(stage.approval).toMatchObject({ excluded: 'bob', incidentId: stage.incident.id });
    expect(stage.approve(bob)).toMatchObject({ ok: false, code: 'forbidden', text: expect.stringContaining('another person') });
    expect(stage.approve(carol)).toMatchObject({ ok: true });
    stage.change();
    expect(stage.ending).toEqual(['ended', 'completed', null]);
    expect(stage.incident.status).toBe('resolved');
  });

  test('does not ask because its rule only observes alerts: who starts it has said so', () => {
    const stage = new Stage([withSteps({ mode: 'observe' }, buildStep('one', change))]);
    stage.runByHand(bob, 'fix');
    stage.change();
    expect(stage.ending).toEqual(['ended', 'completed', null]);
  });

  test('may be rejected by who started it, which closes the incident', () => {
    const stage = new Stage([byHand({ mode: 'approve' })]);
    stage.runByHand(bob, 'fix');
    stage.ask();
    expect(stage.reject(bob)).toMatchObject({ ok: true });
    expect(stage.incident.status).toBe('resolved');
  });

  test('ends cancelled when its incident is resolved', () => {
    const stage = new Stage([byHand({ mode: 'approve' })]);
    stage.runByHand(bob, 'fix');
    stage.ask();
    stage.dismiss();
    expect(stage.ending).toEqual(['ended', 'cancelled', 'dismissed']);
    expect(stage.incident.status).toBe('resolved');
    expect(stage.signals.filter(({ kind }) => kind === 'incident_closed')).toHaveLength(1);
  });

  test('keeps its incident open when it fails in the end', () => {
    const stage = new Stage([byHand({ mode: 'approve' })]);
    stage.runByHand(bob, 'fix');
    stage.ask();
    stage.approve(carol);
    stage.planned();
    stage.fail('act', 'rejected');
    expect(stage.state.incidents).toHaveLength(1);
    expect(stage.incident).toMatchObject({ status: 'triggered', escalationLevel: 1 });
  });
});
