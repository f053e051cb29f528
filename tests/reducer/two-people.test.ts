import { buildRule, buildRung, buildStep, stubRemediation } from '../support/build-rule.ts';
import { MINUTE, Stage, person } from './stage.ts';

const change = stubRemediation('stub.change');
const steps = [buildRung([buildStep('one', change)])];
const approval = { roles: ['responder'], timeoutMs: 30 * MINUTE, onTimeout: 'escalate' } as const;

/** Alice and bob with their Slack ids; dora has none, and uses the command line. */
const slackIds = new Map([
  ['alice', 'U1'],
  ['bob', 'U2'],
]);

/** A change that two people have to allow. */
function askedOfTwo(): Stage {
  const rule = buildRule({ mode: 'approve', approval: { ...approval, count: 2 }, rungs: steps });
  const stage = new Stage([rule], {}, { slackIds });
  stage.fire();
  stage.ask();
  return stage;
}

/** A change that this person began by hand, which another one has to allow. */
function askedByHand(starter: string): Stage {
  const rule = buildRule({
    name: 'fix',
    manual: { roles: ['responder'] },
    mode: 'approve',
    approval: { ...approval, count: 1 },
    rungs: steps,
  });
  const stage = new Stage([rule], {}, { slackIds });
  stage.runByHand(person(starter), 'fix', { target: 'web' });
  stage.ask();
  return stage;
}

const SAME = [
  ['alice', 'slack:U1', 'whose Slack id it is'],
  ['slack:U1', 'alice', 'who was added to the people meanwhile'],
  ['dora', 'slack:U9', 'whose Slack id nobody knows'],
  ['slack:U9', 'dora', 'whose Slack id nobody knows'],
] as const;

const OTHERS = [
  ['alice', 'bob'],
  ['alice', 'dora'],
  ['alice', 'slack:U9'],
  ['slack:U8', 'slack:U9'],
] as const;

describe('another person', () => {
  test.each(SAME)('than %s is not %s, %s', (one, other) => {
    const stage = askedOfTwo();
    expect(stage.approve(person(one))).toMatchObject({ ok: true });
    expect(stage.approve(person(other))).toMatchObject({ ok: false, code: 'forbidden', text: expect.stringContaining(one) });
    expect(stage.approval).toMatchObject({ state: 'open', approvedBy: [one] });

    const byHand = askedByHand(one);
    expect(byHand.approve(person(other), { runId: byHand.run.id })).toMatchObject({ ok: false, code: 'forbidden' });
    expect(byHand.approval).toMatchObject({ state: 'open', approvedBy: [] });
  });

  test.each(OTHERS)('than %s is %s', (one, other) => {
    const stage = askedOfTwo();
    stage.approve(person(one));
    expect(stage.approve(person(other))).toMatchObject({ ok: true });
    expect(stage.approval.state).toBe('approved');

    const byHand = askedByHand(one);
    expect(byHand.approve(person(other), { runId: byHand.run.id })).toMatchObject({ ok: true });
  });
});
