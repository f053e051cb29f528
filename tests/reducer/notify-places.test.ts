import type { NotifyTargets } from '../../src/domain/response.ts';
import type { Rule, TextTemplate } from '../../src/domain/rule.ts';
import { ExpressionError } from '../../src/domain/scope.ts';
import { buildPlan, buildRule } from '../support/build-rule.ts';
import { MINUTE, Stage } from './stage.ts';

const DEFAULT = { defaultChannel: '#default' };

function text(place: string): TextTemplate {
  return { source: place, render: () => place, renderForPeople: () => place };
}

/** The channel of the alert's team. */
const TEAM: TextTemplate = {
  source: '#{{ labels.team }}',
  render: ({ labels }) => {
    const team = labels === undefined || !Object.hasOwn(labels, 'team') ? undefined : labels['team'];
    if (team === undefined) throw new ExpressionError('missing_value', 'the label "team" is not there');
    return `#${team}`;
  },
  renderForPeople: () => '–',
};

function stageWith(rule: Rule['notify'], severity: NotifyTargets = {}, people: { defaultChannel?: string } = DEFAULT): Stage {
  const plan = buildPlan({ notify: severity });
  return new Stage([buildRule({ rungs: [], notify: rule, responseTo: () => plan })], {}, people);
}

describe('the message of an incident lives', () => {
  test.each<[string, Rule['notify'], NotifyTargets, readonly string[]]>([
    ['where the rule says', { slack: text('#rule') }, { slack: '#severity' }, ['slack #rule message']],
    ['else where the severity says', {}, { slack: '#severity' }, ['slack #severity message']],
    ['else in the default channel', {}, {}, ['slack #default message']],
    [
      'on Slack and PagerDuty by their own rules',
      { pagerduty: text('rule-service') },
      { slack: '#severity', pagerduty: 'severity-service' },
      ['slack #severity message', 'pagerduty rule-service message'],
    ],
    [
      'in a channel of its own beside the other',
      { slack: text('#rule') },
      { ownChannel: true },
      ['slack #rule message', 'slack own message'],
    ],
  ])('%s', (_where, rule, severity, places) => {
    const stage = stageWith(rule, severity);
    stage.fire();
    expect(stage.places).toEqual(places);
    expect(stage.state.notifications[0]).toMatchObject({
      incidentId: stage.incident.id,
      createdAt: stage.now,
      notBefore: stage.now,
      wanted: 1,
      toldVersion: 0,
      told: null,
      toldPosition: 0,
      isDead: false,
    });
  });

  test('nowhere when no place is configured', () => {
    const stage = stageWith({}, {}, {});
    stage.fire();
    expect(stage.places).toEqual([]);
  });

  test('where the first alert says', () => {
    const stage = stageWith({ slack: TEAM });
    stage.fire({ team: 'web' });
    stage.fire({ name: 'b', team: 'db' });
    expect(stage.places).toEqual(['slack #web message']);
  });

  test.each<[string, TextTemplate, string]>([
    ['needs a label that is missing', TEAM, 'the label "team" is not there'],
    ['is empty', text(' '), 'is empty'],
    ['would be the channel of its own', text('own'), '"own" is not a channel'],
  ])('at the next place when the text of the rule %s, with a note', (_what, template, problem) => {
    const stage = stageWith({ slack: template }, { slack: '#severity' });
    stage.fire();
    expect(stage.places).toEqual(['slack #severity message']);
    expect(stage.told('note')).toEqual([expect.stringContaining(problem)]);
  });
});

describe('a higher severity', () => {
  const plans = {
    critical: buildPlan({ notify: { slack: '#critical', pagerduty: 'critical', ownChannel: true } }),
    warning: buildPlan({ notify: { slack: '#warning' } }),
  };
  const responseTo = (severity: string) => (severity === 'critical' ? plans.critical : plans.warning);

  test('adds its places', () => {
    const stage = new Stage([buildRule({ rungs: [], responseTo })]);
    stage.fire({ severity: 'warning' });
    stage.fire({ name: 'b', severity: 'critical' });
    expect(stage.places).toEqual([
      'slack #warning message',
      'slack #critical message',
      'pagerduty critical message',
      'slack own message',
    ]);
  });

  test('adds none where the rule decides', () => {
    const stage = new Stage([buildRule({ rungs: [], responseTo, notify: { slack: text('#rule'), pagerduty: text('rule') } })]);
    stage.fire({ severity: 'warning' });
    stage.fire({ name: 'b', severity: 'critical' });
    expect(stage.places).toEqual(['slack #rule message', 'pagerduty rule message', 'slack own message']);
  });
});

describe('a place that is asked for twice', () => {
  test('is one row, and becomes a page when a rung calls it', () => {
    const plan = buildPlan({
      notify: { slack: '#ops' },
      rungs: [
        { afterMs: 5 * MINUTE, unless: [], notify: { slack: '#ops' } },
        { afterMs: 6 * MINUTE, unless: [], notify: { slack: '#ops' } },
      ],
    });
    const stage = new Stage([buildRule({ rungs: [], responseTo: () => plan })]);
    stage.fire();
    expect(stage.places).toEqual(['slack #ops message']);
    stage.pass(10 * MINUTE);
    expect(stage.places).toEqual(['slack #ops page']);
    expect(stage.incident.escalationLevel).toBe(2);
  });

  test('stays a page when a severity names it in the same moment', () => {
    const critical = buildPlan({ notify: { slack: '#ops' }, rungs: [{ afterMs: 0, unless: [], notify: { slack: '#ops' } }] });
    const stage = new Stage([buildRule({ rungs: [], responseTo: () => critical })]);
    stage.fire();
    stage.fire({ name: 'b', severity: 'critical' });
    expect(stage.places).toEqual(['slack #ops page']);
  });
});

describe('a message that cannot be delivered', () => {
  function undelivered(channel: 'slack' | 'pagerduty', place: string, isPlaceAtFault: boolean): Stage {
    const stage = stageWith({ [channel]: text(place) }, { slack: place }, DEFAULT);
    stage.fire();
    const incidentId = stage.incident.id;
    const notificationId = `${incidentId}:${channel}:${place}`;
    stage.apply({ kind: 'undeliverable', notificationId, incidentId, place, error: 'channel_not_found', isPlaceAtFault });
    return stage;
  }

  test('goes to the default channel when its place is at fault, and the story tells it', () => {
    const stage = undelivered('slack', '#gone', true);
    expect(stage.places).toEqual(['slack #gone message', 'slack #default message']);
    expect(stage.told('undelivered')).toEqual(['slack #gone was not told: channel_not_found; slack #default is told instead']);
  });

  test('is only told when it was refused as it is', () => {
    const stage = undelivered('slack', '#ops', false);
    expect(stage.places).toEqual(['slack #ops message']);
    expect(stage.told('undelivered')).toEqual(['slack #ops was not told: channel_not_found']);
  });

  test('to the default channel itself is only told', () => {
    const stage = undelivered('slack', '#default', true);
    expect(stage.places).toEqual(['slack #default message']);
    expect(stage.told('undelivered')).toEqual(['slack #default was not told: channel_not_found']);
  });

  test('that pages, pages in the default channel', () => {
    const plan = buildPlan({ rungs: [{ afterMs: 0, unless: [], notify: { pagerduty: 'gone' } }], notify: { slack: '#ops' } });
    const stage = new Stage([buildRule({ rungs: [], responseTo: () => plan })], {}, DEFAULT);
    stage.fire();
    const incidentId = stage.incident.id;
    const notificationId = `${incidentId}:pagerduty:gone`;
    stage.apply({ kind: 'undeliverable', notificationId, incidentId, place: 'gone', error: 'invalid key', isPlaceAtFault: true });
    expect(stage.places).toEqual(['slack #ops message', 'pagerduty gone page', 'slack #default page']);
  });

  test('without a default channel is only told', () => {
    const stage = stageWith({ slack: text('#gone') }, {}, {});
    stage.fire();
    const incidentId = stage.incident.id;
    const event = { kind: 'undeliverable', notificationId: `${incidentId}:slack:#gone`, incidentId, place: '#gone' } as const;
    stage.apply({ ...event, error: 'channel_not_found', isPlaceAtFault: true });
    expect(stage.places).toEqual(['slack #gone message']);
  });

  test('of an incident that is not known changes nothing', () => {
    const stage = stageWith({});
    stage.fire();
    const before = stage.state;
    const event = { kind: 'undeliverable', notificationId: 'inc-9:slack:#x', incidentId: 'inc-9', place: '#x' } as const;
    stage.apply({ ...event, error: 'x', isPlaceAtFault: true });
    expect(stage.state).toEqual(before);
  });
});

test('an incident that no rule and no severity says anything of writes nothing more than before', () => {
  const stage = stageWith({}, {}, {});
  stage.fire();
  expect(stage.incident).toMatchObject({ wakeAt: null, updateDueAt: null, nextRung: 0, escalationLevel: 0 });
  expect(stage.timeline.map(({ kind }) => kind)).toEqual(['opened']);
});
