import type { AlertMessage } from '../domain/alert.ts';
import type { ResponsePlan } from '../domain/response.ts';
import type { Rule } from '../domain/rule.ts';
import type { Scope } from '../domain/scope.ts';
import type { Incident } from '../domain/state.ts';
import type { DecisionContext } from './decision-context.ts';
import { climb, expectCalls, nextUpdateAt } from './escalation.ts';
import type { AlertMatch } from './event.ts';
import { askForTargets, choosePlaces } from './notify-places.ts';
import { defaultParams } from './rule-params.ts';
import { scopeOfMessage } from './scope-of-message.ts';
import { tell } from './story.ts';
import type { World } from './world.ts';

/** Opens an incident for a rule's match: its places are asked for, and the people of the first rungs are called. Returns it. */
export function openIncident(
  world: World,
  match: AlertMatch,
  previous: Incident | undefined,
  context: DecisionContext,
  message?: AlertMessage,
): Incident {
  const { now } = context;
  const rule = context.rules.byName(match.rule);
  const plan = (rule ?? context.rules).responseTo(match.severity.name);
  const incident: Incident = {
    id: context.newId('inc'),
    rule: match.rule,
    groupKey: match.groupKey,
    groupLabels: match.groupLabels,
    status: 'triggered',
    severity: match.severity.name,
    severityRank: match.severity.rank,
    startedAt: now,
    acknowledgedAt: null,
    acknowledgedBy: null,
    resolvedAt: null,
    closedAs: null,
    escalationLevel: 0,
    truncatedAlerts: 0,
    firing: 0,
    quietSince: null,
    lastSeenAt: now,
    previousId: previous?.id ?? null,
    notifyOnly: previous?.closedAs === 'dismissed' && previous.firing > 0,
    nextRung: 0,
    rungHeldSince: null,
    responseMissed: false,
    updateDueAt: nextUpdateAt(plan, now),
    fields: {},
    wakeAt: null,
  };
  world.putIncident(incident);
  const story = [`${match.rule} opens it as ${match.severity.name}`];
  if (previous !== undefined) story.push(`the one before it: ${previous.id}`);
  if (incident.notifyOnly) story.push('no automation: a person resolved the one before it while its alerts fire');
  tell(world, incident.id, now, 'opened', story.join('; '));
  world.signals.push({ kind: 'incident_opened', incidentId: incident.id, rule: match.rule, severity: match.severity.name });

  askForPlaces(world, incident, rule, plan, context, message);
  climb(world, incident.id, context);
  expectCalls(world, incident.id, context);
  return world.incident(incident.id) ?? incident;
}

/** A text of the rule that names no place is skipped, and the story says so. */
function askForPlaces(
  world: World,
  incident: Incident,
  rule: Rule | undefined,
  plan: ResponsePlan,
  { now, defaultChannel }: DecisionContext,
  message: AlertMessage | undefined,
): void {
  const params = rule === undefined ? {} : defaultParams(rule);
  const scopeOf = (): Scope => ({ ...scopeOfMessage(message, incident.groupLabels, now, incident), params });
  const { targets, skipped } = choosePlaces(rule, plan, defaultChannel, scopeOf);
  askForTargets(world, incident.id, targets, 'message', now);
  for (const problem of skipped) tell(world, incident.id, now, 'note', problem, { reason: 'missing_value' });
}
