import { LOUD_REASON } from '../domain/loud-entry.ts';
import type { Episode, Incident, Line } from '../domain/state.ts';
import type { Rule } from '../domain/rule.ts';
import { createRun } from './create-run.ts';
import type { DecisionContext } from './decision-context.ts';
import type { AlertMatch, CorrelatedAlert, PipelineEvent } from './event.ts';
import { expectCalls, takeRise } from './escalation.ts';
import { earliest } from './escalation-ladder.ts';
import { endEpisode } from './incident.ts';
import { saysSomethingNew } from './known-alerts.ts';
import { openIncident } from './open-incident.ts';
import { escalate, tell } from './story.ts';
import { UNCONFIRMED_MS } from './timing.ts';
import type { World } from './world.ts';

type AlertsEvent = Pick<Extract<PipelineEvent, { kind: 'alerts' }>, 'batch' | 'alerts'>;

/** Takes alerts in: episodes begin, go on or end; alerts join incidents; lines get their pending runs. */
export function correlate(world: World, event: AlertsEvent, context: DecisionContext): void {
  const { batch } = event;
  for (const alert of batch.quarantined) {
    world.quarantine(alert, batch.source, batch.receivedAt);
    world.signals.push({ kind: 'quarantined' });
  }
  const touched = new Set<string>();
  for (const alert of event.alerts) {
    world.signals.push({ kind: 'alert', status: alert.message.status });
    if (alert.message.status === 'firing') takeFiring(world, alert, batch.source, context, touched);
    else takeResolved(world, alert, batch.source, context, touched);
  }
  for (const incidentId of touched) noteTruncation(world, incidentId, batch.truncatedAlerts, context);
}

function takeFiring(world: World, alert: CorrelatedAlert, source: string, context: DecisionContext, touched: Set<string>): void {
  const { now } = context;
  const current = world.currentEpisode(alert.alertKey);
  if (current?.status === 'firing') {
    world.signals.push({ kind: 'duplicate' });
    if (current.absentSince !== null || saysSomethingNew(current, alert.message, now, context.rules.digest)) {
      world.putEpisode({
        ...current,
        lastSeenAt: now,
        startsAt: alert.message.startsAt,
        absentSince: null,
        rulesDigest: context.rules.digest,
      });
    }
    for (const member of world.membersOf(current.id)) touched.add(member.incidentId);
    if (current.closedBy === null && current.rulesDigest !== context.rules.digest)
      joinAll(world, current, undefined, alert, context, touched);
    return;
  }
  // A start at or before the last end is a late copy, or real after a false resolve; nobody can tell.
  const isDoubtful = current !== undefined && current.endsAt !== null && alert.message.startsAt <= current.endsAt;
  const episode = beginEpisode(world, alert, source, context, current, {
    status: 'firing',
    endsAt: null,
    unconfirmedUntil: isDoubtful ? now + UNCONFIRMED_MS : null,
  });
  if (alert.matches.length === 0) world.signals.push({ kind: 'unmatched' });
  joinAll(world, episode, current, alert, context, touched);
}

function takeResolved(
  world: World,
  alert: CorrelatedAlert,
  source: string,
  context: DecisionContext,
  touched: Set<string>,
): void {
  const current = world.currentEpisode(alert.alertKey);
  const endsAt = alert.message.endsAt ?? context.now;
  if (current === undefined) {
    beginEpisode(world, alert, source, context, undefined, { status: 'resolved', endsAt, unconfirmedUntil: null });
    return;
  }
  for (const member of world.membersOf(current.id)) touched.add(member.incidentId);
  // Beside a late copy of the firing comes a copy of its resolve. To act on what is over is worse than to wait for the next
  // message of what is real, so a doubtful episode also ends with an equal end.
  const previousEnd = current.previousEndsAt ?? -Infinity;
  const counts = endsAt > previousEnd || (current.unconfirmedUntil !== null && endsAt === previousEnd);
  if (current.status === 'resolved' || !counts) {
    world.signals.push({ kind: 'stale' });
    return;
  }
  endEpisode(world, current, endsAt, 'alertmanager', context);
}

function beginEpisode(
  world: World,
  alert: CorrelatedAlert,
  source: string,
  { now, rules, newId }: DecisionContext,
  previous: Episode | undefined,
  state: Pick<Episode, 'status' | 'endsAt' | 'unconfirmedUntil'>,
): Episode {
  const { message } = alert;
  const episode: Episode = {
    id: newId('ep'),
    alertKey: alert.alertKey,
    source,
    alertname: message.labels['alertname'] ?? '',
    startsAt: message.startsAt,
    previousEndsAt: previous?.endsAt ?? null,
    firstSeenAt: now,
    lastSeenAt: now,
    closedBy: state.status === 'resolved' ? 'alertmanager' : null,
    current: true,
    suppressed: false,
    absentSince: null,
    rulesDigest: rules.digest,
    ...state,
  };
  world.addEpisode(episode, {
    labels: message.labels,
    annotations: message.annotations,
    fingerprint: message.fingerprint,
    generatorUrl: message.generatorUrl,
  });
  return episode;
}

function joinAll(
  world: World,
  episode: Episode,
  before: Episode | undefined,
  alert: CorrelatedAlert,
  context: DecisionContext,
  touched: Set<string>,
): void {
  for (const match of alert.matches) {
    const rule = context.rules.byName(match.rule);
    if (rule === undefined || world.membersOf(episode.id).some((member) => member.rule === match.rule)) continue;
    world.signals.push({ kind: 'match', rule: match.rule });
    const incident =
      findIncident(world, match, before) ??
      openIncident(world, match, world.latestIncident(match.groupKey), context, alert.message);
    touched.add(incident.id);
    join(world, incident, episode, match, rule, context);
  }
}

/** The open incident of the rule that this alert is in already, or else the open one of its group. */
function findIncident(world: World, match: AlertMatch, before: Episode | undefined): Incident | undefined {
  const own = before === undefined ? undefined : world.membersOf(before.id).find((member) => member.rule === match.rule);
  const stays = own === undefined ? undefined : world.incident(own.incidentId);
  if (stays !== undefined && stays.status !== 'resolved') return stays;
  const ofGroup = world.latestIncident(match.groupKey);
  return ofGroup?.status === 'resolved' ? undefined : ofGroup;
}

function join(world: World, found: Incident, episode: Episode, match: AlertMatch, rule: Rule, context: DecisionContext): void {
  const { now } = context;
  const target = match.target !== undefined && 'value' in match.target ? match.target.value : null;
  world.addMember({ incidentId: found.id, episodeId: episode.id, rule: rule.name, target, joinedAt: now });
  const isNew = found.firing === 0 && found.startedAt === now;
  const rises = match.severity.rank < found.severityRank;
  world.putIncident({
    ...found,
    firing: found.firing + 1,
    quietSince: null,
    closedAs: null,
    lastSeenAt: now,
    ...(rises ? { severity: match.severity.name, severityRank: match.severity.rank } : {}),
  });
  // Whoever has it has to hear that it got worse.
  const isTaken = found.status === 'acknowledged';
  const again = isTaken ? `; ${found.acknowledgedBy ?? 'somebody'} has it` : '';
  if (rises) {
    tell(world, found.id, now, 'severity', `severity rises from ${found.severity} to ${match.severity.name}${again}`, {
      ...(isTaken ? { reason: LOUD_REASON } : {}),
    });
    takeRise(world, found.id, rule, context);
  }
  if (!isNew) {
    tell(world, found.id, now, 'alert_joined', `${episode.alertname} joins${target === null ? '' : ` on ${target}`}${again}`, {
      reason: isTaken ? LOUD_REASON : 'alert_joined',
    });
    // What was due while nothing fired is due now.
    if (found.firing === 0) expectCalls(world, found.id, context);
  }
  if (episode.unconfirmedUntil !== null)
    tell(world, found.id, now, 'note', `${episode.alertname} fires with a start before its last end: it may be a late copy`, {
      reason: 'unconfirmed',
    });
  if (match.target !== undefined && 'missing' in match.target) {
    escalate(world, found.id, 'missing_value', `the target of ${rule.name} has no value: ${match.target.missing}`, context);
  }
  if (target === null) return;
  const before = world.lineAt(found.id, target);
  const isNewEpisode = before === undefined || before.firing === 0;
  // Whether a doubtful alert is back nobody can tell.
  if (isNewEpisode && episode.unconfirmedUntil === null) markRecurrence(world, found, target, context);
  joinLine(world, found, target, match, rule, context);
}

function joinLine(
  world: World,
  incident: Incident,
  target: string,
  match: AlertMatch,
  rule: Rule,
  context: DecisionContext,
): void {
  const { now } = context;
  const before = world.lineAt(incident.id, target);
  const isNewEpisode = before === undefined || before.firing === 0;
  const line: Line = {
    id: before?.id ?? context.newId('line'),
    incidentId: incident.id,
    rule: rule.name,
    target,
    episode: (before?.episode ?? 0) + (isNewEpisode ? 1 : 0),
    firing: (before?.firing ?? 0) + 1,
    firingSince: isNewEpisode ? now : before.firingSince,
    resolvedAt: null,
    closedBy: null,
    severityRank: Math.min(match.severity.rank, before?.severityRank ?? match.severity.rank),
    runId: before?.runId ?? null,
    watchUntil: before?.watchUntil ?? null,
  };
  world.putLine(line);
  const run = line.runId === null ? undefined : world.run(line.runId);
  if (isNewEpisode) {
    if (run === undefined || run.state === 'ended') {
      if (!incident.notifyOnly) createRun(world, line, rule, { trigger: 'alert', actor: null }, context);
    } else if (run.ending === null && run.cancelledBy === null) {
      // It is still at work, so it answers for this episode too. One that is ending does not: another follows it.
      world.putRun({ ...run, lineEpisode: line.episode });
    }
  } else if (run?.outcome === 'verified') {
    escalate(world, incident.id, 'alert_joined', `${target}: another alert fires although the run was verified`, context, run.id);
  }
  const live = run === undefined ? undefined : world.run(run.id);
  if (live !== undefined && live.state !== 'ended' && line.severityRank < live.severityRank)
    world.putRun({ ...live, severityRank: line.severityRank });
}

/** A verified fix that did not last is marked, here or in the incident before this one; it counts in the breaker. */
function markRecurrence(world: World, incident: Incident, target: string, { now, limits }: DecisionContext): void {
  for (const incidentId of [incident.id, incident.previousId]) {
    const line = incidentId === null ? undefined : world.lineAt(incidentId, target);
    const run = line?.runId == null ? undefined : world.run(line.runId);
    if (run?.outcome !== 'verified' || run.recurred || now - (run.endedAt ?? now) > limits.recurrenceMs) continue;
    world.putRun({ ...run, recurred: true });
    tell(world, run.incidentId, now, 'recurred', `${target}: it fires again; the verified fix did not last`, { runId: run.id });
  }
}

function noteTruncation(world: World, incidentId: string, truncated: number, context: DecisionContext): void {
  const { now, limits } = context;
  const incident = world.incident(incidentId);
  if (incident === undefined || incident.truncatedAlerts === truncated || incident.status === 'resolved') return;
  const quietSince = truncated === 0 && incident.firing === 0 ? incident.quietSince : null;
  world.putIncident({
    ...incident,
    truncatedAlerts: truncated,
    ...(quietSince !== null ? { wakeAt: earliest(incident.wakeAt, Math.max(now, quietSince + limits.settleMs)) } : {}),
  });
  // An incident that may have unseen alerts is not over.
  if (incident.truncatedAlerts === 0) expectCalls(world, incidentId, context);
  if (truncated > 0)
    tell(
      world,
      incidentId,
      now,
      'note',
      `Alertmanager left out ${truncated === 1 ? 'one alert' : `${truncated} alerts`} of this group (max_alerts): unseen, so the incident stays open`,
      { reason: 'truncated' },
    );
}
