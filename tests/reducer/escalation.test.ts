import type { EscalationRung, ResponsePlan } from '../../src/domain/response.ts';
import { isLoud } from '../../src/domain/loud-entry.ts';
import {
  buildCheck,
  buildPlan,
  buildRule,
  buildVerify,
  condition,
  stubRemediation,
  type RuleOptions,
} from '../support/build-rule.ts';
import { MINUTE, SECOND, Stage } from './stage.ts';

const FIRST = 'slack #incidents page';
const PAGER = 'pagerduty production page';
const CHIEF = 'slack U777 page';

const LADDER: readonly EscalationRung[] = [
  { afterMs: 0, unless: [], notify: { slack: '#incidents' } },
  { afterMs: 5 * MINUTE, unless: ['acknowledged', 'verified'], notify: { pagerduty: 'production' } },
  { afterMs: 15 * MINUTE, unless: ['acknowledged'], notify: { slack: 'U777' } },
];

const CHECKED = buildVerify({
  checks: [
    buildCheck(
      stubRemediation('stub.look', 'read'),
      condition('output.ok', ({ output }) => output?.['ok'] === true),
    ),
  ],
  resolvedWithinMs: 60 * MINUTE,
});

/** A rule with a response. Its run waits at its first step until the test goes on with it. */
function ruleWith(plan: Partial<ResponsePlan>, more: RuleOptions = {}) {
  const response = buildPlan(plan);
  return buildRule({ verify: CHECKED, timeoutMs: 60 * MINUTE, responseTo: () => response, ...more });
}

function stageWith(plan: Partial<ResponsePlan> = { rungs: LADDER }, more: RuleOptions = {}): Stage {
  return new Stage([ruleWith(plan, more)]);
}

/** With a rule that only tells people, so that no run helps. */
function watching(plan: Partial<ResponsePlan> = { rungs: LADDER }): Stage {
  return stageWith(plan, { rungs: [] });
}

describe('a rung', () => {
  test('at 0s is sent when the incident opens, without a wake of its own', () => {
    const stage = watching();
    stage.fire();
    expect(stage.places).toEqual([FIRST]);
    expect(stage.incident).toMatchObject({ escalationLevel: 1, nextRung: 1, wakeAt: stage.now + 5 * MINUTE });
    expect(stage.told('escalated')).toEqual(['the policy calls at once; calls slack #incidents']);
  });

  test('is sent when it is due, not earlier', () => {
    const stage = watching();
    stage.fire();
    stage.pass(5 * MINUTE - 1);
    expect(stage.places).toEqual([FIRST]);
    stage.pass(1);
    expect(stage.places).toEqual([FIRST, PAGER]);
    stage.pass(10 * MINUTE);
    expect(stage.places).toEqual([FIRST, PAGER, CHIEF]);
    expect(stage.incident.escalationLevel).toBe(3);
    expect(stage.escalations).toEqual(['escalation_policy', 'escalation_policy', 'escalation_policy']);
  });

  test('with unless: acknowledged is not needed once somebody has it', () => {
    const stage = watching();
    stage.fire();
    stage.pass(1 * MINUTE);
    stage.acknowledge();
    stage.pass(60 * MINUTE);
    expect(stage.places).toEqual([FIRST]);
    expect(stage.incident).toMatchObject({ escalationLevel: 1, nextRung: 3, wakeAt: null });
  });

  test('without unless: acknowledged is sent all the same', () => {
    const stage = watching({ rungs: [{ afterMs: 30 * MINUTE, unless: [], notify: { slack: '@chief' } }] });
    stage.fire();
    stage.acknowledge();
    stage.pass(30 * MINUTE);
    expect(stage.places).toEqual(['slack @chief page']);
  });

  test('with unless: verified is not needed when every firing line is verified', () => {
    const stage = stageWith();
    stage.fire();
    stage.change();
    stage.check(true);
    expect(stage.run.outcome).toBe('verified');
    stage.pass(5 * MINUTE);
    expect(stage.places).toEqual([FIRST]);
    expect(stage.incident).toMatchObject({ escalationLevel: 1, nextRung: 2 });
  });

  test('with unless: verified is sent when only one of two lines is verified', () => {
    const stage = stageWith();
    stage.fire({ name: 'a' });
    stage.change();
    stage.check(true);
    stage.pause();
    stage.fire({ name: 'b' });
    stage.pass(5 * MINUTE);
    expect(stage.places).toEqual([FIRST, PAGER]);
  });

  test.each([
    ['an alert that no line has', (stage: Stage) => stage.fire({ name: '' })],
    ['alerts that a message left out', (stage: Stage) => stage.fire({ name: 'other' }, { truncatedAlerts: 3 })],
  ])('with unless: verified is sent while there is %s', (_what, happen) => {
    const byName = buildRule().target;
    if (byName === undefined) throw new Error('the rule has no target');
    const named = {
      ...byName,
      render: (scope: Parameters<typeof byName.render>[0]) => (scope.labels?.['name'] === '' ? '' : byName.render(scope)),
    };
    const stage = stageWith({ rungs: LADDER.slice(1, 2) }, { target: named });
    stage.fire();
    stage.change();
    stage.check(true);
    stage.pause();
    happen(stage);
    stage.pass(5 * MINUTE);
    expect(stage.places).toEqual([PAGER]);
  });
});

describe('a rung with unless: verified that is due while a run is at work', () => {
  test.each([
    ['running', (stage: Stage) => stage.fire()],
    [
      'verifying',
      (stage: Stage) => {
        stage.fire();
        stage.change();
      },
    ],
  ])('waits while it is %s, and is not needed when it ends verified', (state, begin) => {
    const stage = stageWith({ rungs: LADDER.slice(0, 2) });
    begin(stage);
    stage.pass(6 * MINUTE, state === 'verifying' ? false : undefined);
    expect(stage.run.state).toBe(state);
    expect(stage.places).toEqual([FIRST]);
    expect(stage.incident.rungHeldSince).toBe(stage.incident.startedAt + 5 * MINUTE);
    if (state === 'running') stage.change();
    stage.pass(5 * SECOND, true);
    expect(stage.run.outcome).toBe('verified');
    stage.pass(30 * MINUTE);
    expect(stage.places).toEqual([FIRST]);
    expect(stage.incident).toMatchObject({ rungHeldSince: null, escalationLevel: 1 });
  });

  test('is sent when it ends otherwise', () => {
    const stage = stageWith({ rungs: LADDER.slice(0, 2) });
    stage.fire();
    stage.pass(6 * MINUTE);
    stage.cancel();
    stage.planned();
    expect(stage.ending).toEqual(['ended', 'cancelled', 'cancelled_by_person']);
    expect(stage.places).toEqual([FIRST, PAGER]);
    expect(stage.incident.rungHeldSince).toBeNull();
  });

  test('is sent once when it fails, as the next rung', () => {
    const stage = stageWith();
    stage.fire();
    stage.pass(6 * MINUTE);
    stage.fail('plan', 'not_found');
    expect(stage.places).toEqual([FIRST, PAGER]);
    expect(stage.incident).toMatchObject({ escalationLevel: 2, nextRung: 2, rungHeldSince: null });
  });

  test('is sent after 15 minutes in any case', () => {
    const stage = stageWith({ rungs: LADDER.slice(0, 2) });
    stage.fire();
    stage.pass(20 * MINUTE - 1);
    expect(stage.places).toEqual([FIRST]);
    stage.pass(1);
    expect(stage.run.state).toBe('running');
    expect(stage.places).toEqual([FIRST, PAGER]);
  });

  test('does not hold up a later rung that waits for nothing', () => {
    const stage = stageWith();
    stage.fire();
    stage.pass(15 * MINUTE);
    expect(stage.places).toEqual([FIRST, CHIEF]);
    stage.pass(5 * MINUTE);
    expect(stage.places).toEqual([FIRST, CHIEF, PAGER]);
    stage.pass(60 * MINUTE);
    expect(stage.incident.escalationLevel).toBe(stage.escalations.length);
    expect(stage.escalations.filter((reason) => reason === 'escalation_policy')).toHaveLength(3);
  });

  test('is not needed when somebody acknowledges meanwhile', () => {
    const stage = stageWith();
    stage.fire();
    stage.pass(6 * MINUTE);
    stage.acknowledge();
    stage.pass(60 * MINUTE);
    expect(stage.places).toEqual([FIRST]);
  });

  test('does not wait for a run that waits for an approval', () => {
    const stage = stageWith({ rungs: LADDER.slice(0, 2) }, { mode: 'approve' });
    stage.fire();
    stage.pass(6 * MINUTE);
    expect(stage.places).toEqual([FIRST]);
    stage.planned();
    stage.foreseen();
    expect(stage.run).toMatchObject({ state: 'held', reason: 'approval' });
    expect(stage.places).toEqual([FIRST, PAGER]);
  });

  test('does not wait for a playbook that only reads', () => {
    const stage = stageWith({ rungs: LADDER }, { readsOnly: true });
    stage.fire();
    stage.pass(5 * MINUTE);
    expect(stage.run.state).toBe('running');
    expect(stage.places).toEqual([FIRST, PAGER]);
  });

  test('is not forgotten when another policy is in force by its end', () => {
    const stage = stageWith({ rungs: LADDER.slice(0, 2) });
    stage.fire();
    stage.pass(6 * MINUTE);
    const other = [
      { afterMs: 0, unless: [], notify: { slack: '#incidents' } },
      { afterMs: 2 * MINUTE, unless: ['verified'], notify: { slack: '@second' } },
    ] as const;
    stage.reload([ruleWith({ rungs: other })]);
    stage.cancel();
    stage.planned();
    expect(stage.places).toEqual([FIRST, 'slack @second page']);
  });
});

describe('an escalation', () => {
  test('by a failed run sends the next rung at once', () => {
    const stage = stageWith();
    stage.fire();
    stage.fail('plan', 'not_found');
    expect(stage.places).toEqual([FIRST, PAGER]);
    expect(stage.incident).toMatchObject({ escalationLevel: 2, nextRung: 2 });
    expect(stage.told('escalated').at(-1)).toMatch(/the run ended failed.*; calls pagerduty production$/);
    stage.pass(15 * MINUTE);
    expect(stage.places).toEqual([FIRST, PAGER, CHIEF]);
  });

  test('by a gate sends the next rung at once', () => {
    const stage = stageWith({ rungs: LADDER }, { safety: { maxRuns: [{ count: 1, windowMs: 60 * MINUTE }] } });
    stage.fire();
    stage.change();
    stage.check(true);
    stage.now += 1 * MINUTE;
    stage.resolve();
    stage.now += 1 * SECOND;
    stage.fire();
    expect(stage.run).toMatchObject({ state: 'held', reason: 'rate_limited' });
    expect(stage.places).toEqual([FIRST, PAGER]);
  });

  test('in an acknowledged incident tells its owner and calls nobody', () => {
    const stage = stageWith();
    stage.fire();
    stage.acknowledge();
    stage.fail('plan', 'not_found');
    expect(stage.places).toEqual([FIRST]);
    expect(stage.incident).toMatchObject({ escalationLevel: 2, nextRung: 1 });
    const entry = stage.timeline.findLast(({ kind }) => kind === 'escalated');
    expect(entry?.text).toMatch(/ada has it, nobody else is called$/);
    expect(entry !== undefined && isLoud(entry, stage.incident)).toBe(true);
  });

  test('at the end of the ladder still raises the level', () => {
    const stage = stageWith({ rungs: LADDER.slice(0, 1) });
    stage.fire();
    stage.fail('plan', 'not_found');
    expect(stage.places).toEqual([FIRST]);
    expect(stage.incident).toMatchObject({ escalationLevel: 2, nextRung: 1 });
  });

  test('by a person sends the next rung, and tells whom it calls', () => {
    const stage = watching();
    stage.fire();
    expect(stage.say({ kind: 'escalate', reason: 'the database is gone' })).toMatchObject({
      ok: true,
      text: 'inc-1 is escalated by ada: calls pagerduty production',
    });
    expect(stage.places).toEqual([FIRST, PAGER]);
    expect(stage.timeline.at(-1)).toMatchObject({
      kind: 'escalated',
      reason: 'escalated_by_person',
      actor: 'ada',
      text: 'ada escalates: the database is gone; calls pagerduty production',
    });
  });

  test('by a person calls also when the incident is acknowledged', () => {
    const stage = watching();
    stage.fire();
    stage.acknowledge();
    stage.say({ kind: 'escalate' });
    expect(stage.places).toEqual([FIRST, PAGER]);
    expect(stage.incident).toMatchObject({ status: 'acknowledged', escalationLevel: 2, nextRung: 2 });
  });

  test('by a person says when nobody is left to call', () => {
    const stage = watching({});
    stage.fire();
    expect(stage.say({ kind: 'escalate' })).toMatchObject({ ok: true, text: expect.stringContaining('no rung left') });
    expect(stage.incident.escalationLevel).toBe(1);
  });

  test('by a person is refused for an incident that is over or unknown', () => {
    const stage = watching();
    stage.fire();
    stage.dismiss();
    expect(stage.say({ kind: 'escalate' })).toMatchObject({ ok: false, code: 'conflict' });
    const actor = { person: 'ada', role: 'admin', roles: [], via: 'api' } as const;
    expect(stage.apply({ kind: 'escalate', incidentId: 'inc-9', actor })).toMatchObject({ ok: false, code: 'not_found' });
  });
});

describe('what is overdue', () => {
  test('after downtime is sent once for each rung, and each counts', () => {
    const stage = watching();
    stage.fire();
    stage.crash(60 * MINUTE);
    expect(stage.places).toEqual([FIRST, PAGER, CHIEF]);
    expect(stage.incident.escalationLevel).toBe(3);
    const before = stage.timeline.length;
    stage.crash(60 * MINUTE);
    expect(stage.timeline).toHaveLength(before);
  });

  test('while nothing fires is sent when it fires again', () => {
    const stage = watching();
    stage.fire();
    stage.pass(4 * MINUTE);
    stage.resolve();
    stage.pass(90 * SECOND);
    expect(stage.incident.status).toBe('triggered');
    expect(stage.places).toEqual([FIRST]);
    stage.fire();
    expect(stage.state.incidents).toHaveLength(1);
    expect(stage.places).toEqual([FIRST, PAGER]);
  });

  test('while an interrupted run keeps its target is sent although nothing fires', () => {
    const stage = stageWith();
    stage.fire();
    stage.planned();
    stage.fail('act', 'timeout', 'unknown');
    stage.resolve();
    stage.pass(15 * MINUTE);
    expect(stage.incident.status).toBe('triggered');
    expect(stage.places).toEqual([FIRST, PAGER, CHIEF]);
  });
});

describe('the response time', () => {
  const plan = { rungs: LADDER.slice(0, 1), responseTimeMs: 15 * MINUTE };

  test('escalates once when nobody acknowledges', () => {
    const stage = watching(plan);
    stage.fire();
    stage.pass(15 * MINUTE - 1);
    expect(stage.escalations).toEqual(['escalation_policy']);
    stage.pass(60 * MINUTE);
    expect(stage.escalations).toEqual(['escalation_policy', 'response_time']);
    expect(stage.incident).toMatchObject({ responseMissed: true, escalationLevel: 2, wakeAt: null });
  });

  test('sends the next rung', () => {
    const stage = watching({
      rungs: [...LADDER.slice(0, 1), { afterMs: 60 * MINUTE, unless: [], notify: { slack: '@late' } }],
      responseTimeMs: 15 * MINUTE,
    });
    stage.fire();
    stage.pass(15 * MINUTE);
    expect(stage.places).toEqual([FIRST, 'slack @late page']);
  });

  test('is kept by an acknowledgement', () => {
    const stage = watching(plan);
    stage.fire();
    stage.pass(14 * MINUTE);
    stage.acknowledge();
    stage.pass(60 * MINUTE);
    expect(stage.escalations).toEqual(['escalation_policy']);
    expect(stage.incident.responseMissed).toBe(false);
  });

  test('runs in business hours only', () => {
    const opensInMs = 10 * 60 * MINUTE;
    const from = new Stage([]).now;
    const dueAt = (at: number, afterMs: number): number => Math.max(at, from + opensInMs) + afterMs;
    const stage = watching({ rungs: LADDER, responseTimeMs: 60 * MINUTE, dueAt });
    stage.fire();
    stage.pass(opensInMs - 1);
    expect(stage.places).toEqual([]);
    stage.pass(1);
    expect(stage.places).toEqual([FIRST]);
    stage.pass(60 * MINUTE);
    expect(stage.escalations.at(-1)).toBe('response_time');
    expect(stage.places).toEqual([FIRST, PAGER, CHIEF]);
  });

  test('that never comes wakes nobody', () => {
    const stage = watching({ rungs: LADDER, responseTimeMs: 1, updateEveryMs: 1, dueAt: () => Infinity });
    stage.fire();
    expect(stage.incident).toMatchObject({ wakeAt: null, updateDueAt: null });
  });
});

describe('a higher severity', () => {
  function rising(high: Partial<ResponsePlan>, low: Partial<ResponsePlan> = {}): Stage {
    const plans = { critical: buildPlan(high), warning: buildPlan(low) };
    return new Stage([
      buildRule({ rungs: [], responseTo: (severity) => (severity === 'critical' ? plans.critical : plans.warning) }),
    ]);
  }

  test('goes on by its own policy where the ladder stands', () => {
    const low = { rungs: [{ afterMs: 0, unless: [], notify: { slack: '#low' } }] };
    const stage = rising({ rungs: LADDER }, low);
    stage.fire({ severity: 'warning' });
    stage.pass(1 * MINUTE);
    stage.fire({ name: 'b', severity: 'critical' });
    expect(stage.places).toEqual(['slack #low page']);
    stage.pass(4 * MINUTE);
    expect(stage.places).toEqual(['slack #low page', PAGER]);
    expect(stage.incident.nextRung).toBe(2);
  });

  test('calls at once whom its policy would have called by now', () => {
    const stage = rising({ rungs: LADDER });
    stage.fire({ severity: 'warning' });
    expect(stage.incident.wakeAt).toBeNull();
    stage.pass(6 * MINUTE);
    stage.fire({ name: 'b', severity: 'critical' });
    expect(stage.places).toEqual([FIRST, PAGER]);
  });

  test('has its own response time, from the start of the incident', () => {
    const stage = rising({ responseTimeMs: 15 * MINUTE });
    stage.fire({ severity: 'warning' });
    stage.pass(10 * MINUTE);
    stage.fire({ name: 'b', severity: 'critical' });
    stage.pass(5 * MINUTE);
    expect(stage.escalations).toEqual(['response_time']);
  });
});

test('an incident whose rule is gone goes on by its severity', () => {
  const fallback = buildPlan({ rungs: LADDER });
  const stage = new Stage([ruleWith({ rungs: LADDER.slice(0, 1) }, { rungs: [] })], {}, { responseTo: () => fallback });
  stage.fire();
  stage.reload([]);
  stage.acknowledge();
  stage.say({ kind: 'escalate' });
  expect(stage.places).toEqual([FIRST, PAGER]);
});

describe('in an acknowledged incident', () => {
  test('an alert that joins, and a higher severity, are told loudly', () => {
    const stage = watching();
    stage.fire({ severity: 'warning' });
    stage.acknowledge();
    stage.fire({ name: 'b', severity: 'critical' });
    const loud = stage.timeline.filter((entry) => isLoud(entry, stage.incident)).map(({ kind, text }) => [kind, text]);
    expect(loud.slice(1)).toEqual([
      ['severity', 'severity rises from warning to critical; ada has it'],
      ['alert_joined', 'Down joins; ada has it'],
    ]);
  });

  test('nothing is loud any more once it is over', () => {
    const stage = watching();
    stage.fire();
    stage.dismiss();
    expect(stage.timeline.filter((entry) => isLoud(entry, stage.incident))).toEqual([]);
  });

  test('an alert that joins an incident that nobody has is not loud', () => {
    const stage = watching({});
    stage.fire();
    stage.fire({ name: 'b' });
    expect(stage.told('alert_joined')).toEqual(['Down joins']);
    expect(stage.timeline.filter((entry) => isLoud(entry, stage.incident))).toEqual([]);
  });

  test('the message says that automation has yielded', () => {
    const stage = watching();
    stage.fire();
    stage.acknowledge();
    expect(stage.told('acknowledged')).toEqual(['ada takes it; automation that has not started yields']);
  });
});

describe('the promised update', () => {
  const plan = { updateEveryMs: 30 * MINUTE };

  test('reminds when it is late, and again after as long', () => {
    const stage = watching(plan);
    stage.fire();
    const { startedAt } = stage.incident;
    expect(stage.incident.updateDueAt).toBe(startedAt + 30 * MINUTE);
    stage.pass(30 * MINUTE - 1);
    expect(stage.told('reminder')).toEqual([]);
    stage.pass(1);
    expect(stage.told('reminder')).toEqual([expect.stringContaining('every 30m')]);
    stage.pass(30 * MINUTE);
    expect(stage.told('reminder')).toHaveLength(2);
    expect(stage.timeline.findLast(({ kind }) => kind === 'reminder')?.reason).toBe('update_overdue');
  });

  test('reminds once after downtime', () => {
    const stage = watching(plan);
    stage.fire();
    stage.crash(5 * 60 * MINUTE);
    expect(stage.told('reminder')).toHaveLength(1);
    expect(stage.incident.updateDueAt).toBe(stage.now + 30 * MINUTE);
  });

  test.each<[string, (stage: Stage) => unknown]>([
    ['an acknowledgement', (stage) => stage.acknowledge()],
    ['a note', (stage) => stage.say({ kind: 'note', text: 'looking' })],
    ['a field', (stage) => stage.say({ kind: 'set', fields: { Impact: 'none' } })],
    ['an escalation by hand', (stage) => stage.say({ kind: 'escalate' })],
  ])('is made anew by %s', (_what, act) => {
    const stage = watching(plan);
    stage.fire();
    stage.pass(20 * MINUTE);
    act(stage);
    expect(stage.incident.updateDueAt).toBe(stage.now + 30 * MINUTE);
    stage.pass(29 * MINUTE);
    expect(stage.told('reminder')).toEqual([]);
  });

  test('is made anew by the end of a run', () => {
    const stage = stageWith(plan);
    stage.fire();
    stage.pass(20 * MINUTE);
    stage.fail('plan', 'not_found');
    expect(stage.incident.updateDueAt).toBe(stage.now + 30 * MINUTE);
  });

  test('ends when no update is promised any more', () => {
    const stage = watching(plan);
    stage.fire();
    stage.reload([ruleWith({}, { rungs: [] })]);
    stage.pass(60 * MINUTE);
    expect(stage.told('reminder')).toEqual([]);
    expect(stage.incident.updateDueAt).toBeNull();
  });
});

describe('an incident that closes', () => {
  const plan = { rungs: LADDER, responseTimeMs: 10 * MINUTE, updateEveryMs: 5 * MINUTE };

  test.each<[string, (stage: Stage) => unknown]>([
    ['by its alerts', (stage) => stage.resolve()],
    ['by a person', (stage) => stage.dismiss()],
  ])('%s calls and reminds nobody any more', (_how, end) => {
    const stage = watching(plan);
    stage.fire();
    stage.pass(1 * MINUTE);
    end(stage);
    stage.pass(3 * 60 * MINUTE);
    expect(stage.incident).toMatchObject({ status: 'resolved', updateDueAt: null, rungHeldSince: null, wakeAt: null });
    expect(stage.places).toEqual([FIRST]);
    expect(stage.told('reminder')).toEqual([]);
  });
});

describe('a note', () => {
  test('is kept as it is, with its author, also when the incident is resolved', () => {
    const stage = watching({});
    stage.fire();
    stage.dismiss();
    expect(stage.say({ kind: 'note', text: ' <!channel> *bold*\nnext ' })).toMatchObject({ ok: true });
    expect(stage.timeline.at(-1)).toMatchObject({ kind: 'note', text: ' <!channel> *bold*\nnext ', actor: 'ada' });
    expect(stage.incident).toMatchObject({ status: 'resolved', updateDueAt: null, wakeAt: null });
  });

  test.each([
    ['empty', ' \n '],
    ['too long', 'x'.repeat(4_001)],
  ])('that is %s is refused', (_what, text) => {
    const stage = watching({});
    stage.fire();
    expect(stage.say({ kind: 'note', text })).toMatchObject({ ok: false, code: 'invalid' });
    expect(stage.told('note')).toEqual([]);
  });

  test.each(['note', 'set'] as const)('or %s of an unknown incident is refused', (kind) => {
    const stage = watching({});
    const said = kind === 'note' ? { kind, text: 'x' } : { kind, fields: { a: 'b' } };
    const answer = stage.apply({ ...said, incidentId: 'inc-9', actor: { person: 'ada', role: 'admin', roles: [], via: 'api' } });
    expect(answer).toMatchObject({ ok: false, code: 'not_found' });
  });
});

describe('the fields of an incident', () => {
  test('are set, replaced and taken away, and the story tells it', () => {
    const stage = watching({});
    stage.fire();
    stage.say({ kind: 'set', fields: { Impact: 'some', Contact: '@dba' } });
    stage.say({ kind: 'set', fields: { Impact: 'none', Contact: null } });
    expect(stage.incident.fields).toEqual({ Impact: 'none' });
    expect(stage.told('note').at(-1)).toBe('Impact: none; Contact is taken away');
  });

  test('may have the name of a property of every object', () => {
    const stage = watching({});
    stage.fire();
    stage.say({ kind: 'set', fields: JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string> });
    expect(Object.entries(stage.incident.fields)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });

  test.each<[string, Record<string, string | null>]>([
    ['nothing', {}],
    ['an empty name', { ' ': 'x' }],
    ['a name that is too long', { ['x'.repeat(101)]: 'x' }],
    ['an empty value', { Impact: ' ' }],
    ['a value that is too long', { Impact: 'x'.repeat(1_001) }],
    ['too many', Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`f${index}`, 'x']))],
  ])('are not changed by %s', (_what, fields) => {
    const stage = watching({});
    stage.fire();
    stage.say({ kind: 'set', fields: { Impact: 'some' } });
    expect(stage.say({ kind: 'set', fields })).toMatchObject({ ok: false, code: 'invalid' });
    expect(stage.incident.fields).toEqual({ Impact: 'some' });
  });
});
