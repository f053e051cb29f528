import type { Rule } from '../domain/rule.ts';
import type { Claim, Incident, Line, Run, RunBrief, ScheduleState } from '../domain/state.ts';
import type { IncidentTarget, StoreTransaction } from '../domain/store.ts';
import { targetKey, touchKey } from './claims.ts';
import type { DecisionContext } from './decision-context.ts';
import type { PipelineEvent } from './event.ts';
import { loadAlertRows } from './load-alert-rows.ts';
import { isWaiting } from './open-question.ts';
import { demandOf } from './run-by-hand.ts';
import { MAX_FROZEN_ALERTS } from './timing.ts';
import { verifyOf } from './verify.ts';
import { World, type WorldCounts, type WorldRows } from './world.ts';

/** Loads the rows that the decisions over these events may need: a fixed number of set-wise reads, whatever their number. */
export async function loadWorld(
  tx: StoreTransaction,
  events: readonly PipelineEvent[],
  context: DecisionContext,
): Promise<World> {
  const requestIds = events.flatMap((event) => ('actor' in event ? (event.actor.requestId ?? []) : []));
  const notificationIds = events.flatMap((event) => (event.kind === 'undeliverable' ? [event.notificationId] : []));
  const [switches, ofAlerts, ofRuns, ofSchedules, takenRequests, notifications] = await Promise.all([
    tx.switches(),
    loadAlertRows(tx, events, context.rules.digest),
    loadRunRows(tx, events, context),
    loadSchedules(tx, events),
    requestIds.length === 0 ? [] : tx.takenRequests(requestIds),
    notificationIds.length === 0 ? [] : tx.notifications(notificationIds),
  ]);
  return new World({
    ...ofRuns,
    takenRequests,
    notifications: byId([...notifications, ...(ofRuns.notifications ?? [])]),
    switches,
    episodes: byId([...ofAlerts.episodes, ...(ofRuns.episodes ?? [])]),
    members: ofAlerts.members,
    incidents: byId([...ofAlerts.incidents, ...(ofRuns.incidents ?? [])]),
    lines: byId([...ofAlerts.lines, ...(ofRuns.lines ?? [])]),
    runs: byId([...ofAlerts.runs, ...(ofRuns.runs ?? []), ...ofSchedules.runs]),
    schedules: [...ofSchedules.schedules, ...(ofRuns.schedules ?? [])],
  });
}

/** Loads the runs and incidents that events name, with what the gates, the claims and the end of a run look at. */
async function loadRunRows(
  tx: StoreTransaction,
  events: readonly PipelineEvent[],
  context: DecisionContext,
): Promise<Omit<WorldRows, 'switches'>> {
  const runIds = [...new Set(events.flatMap((event) => ('runId' in event ? [event.runId] : [])))];
  const incidentIds = [
    ...new Set(events.flatMap((event) => ('incidentId' in event && event.incidentId !== null ? [event.incidentId] : []))),
  ];
  const [named, incidents, lines, incidentRuns] = await Promise.all([
    runIds.length === 0 ? [] : tx.runs(runIds),
    incidentIds.length === 0 ? [] : tx.incidents(incidentIds),
    incidentIds.length === 0 ? [] : tx.linesOfIncidents(incidentIds),
    incidentIds.length === 0 ? [] : tx.runsOfIncidents(incidentIds),
  ]);
  const runs = byId([...named, ...incidentRuns]);
  const isTick = events.some((event) => event.kind === 'tick');
  const [decision, dismissed, rearmed, counts, byHand] = await Promise.all([
    runs.length === 0 ? undefined : loadDecisionRows(tx, runs, { incidents, lines }, events, context),
    loadDismissed(tx, events),
    loadRearmed(tx, events),
    isTick ? loadCounts(tx, context) : undefined,
    loadByHand(tx, events, context),
  ]);
  return {
    incidents,
    lines,
    runs,
    ...decision,
    ...(dismissed === undefined
      ? {}
      : { memberAlerts: [...(decision?.memberAlerts ?? []), ...dismissed], episodes: dismissed.map((alert) => alert.episode) }),
    ...(rearmed === undefined ? {} : { breakers: [...(decision?.breakers ?? []), ...rearmed] }),
    ...(counts === undefined ? {} : { counts }),
    ...(byHand === undefined
      ? {}
      : {
          claims: [...(decision?.claims ?? []), ...byHand.claims],
          briefs: byId([...(decision?.briefs ?? []), ...byHand.briefs]),
        }),
  };
}

async function loadDecisionRows(
  tx: StoreTransaction,
  runs: readonly Run[],
  loaded: { readonly incidents: readonly Incident[]; readonly lines: readonly Line[] },
  events: readonly PipelineEvent[],
  context: DecisionContext,
): Promise<Omit<WorldRows, 'switches'>> {
  const { now, rules, limits } = context;
  const judged = runs.filter((run) => run.state === 'pending' || (run.state === 'held' && !isWaiting(run)));
  const started = runs.filter((run) => run.startedAt !== null).map((run) => run.id);
  // One that only reads counts in no limit, but runs by the clock never overlap.
  const acting = runs.filter((run) => !run.readsOnly || run.trigger === 'schedule');
  const names = [...new Set(runs.map((run) => run.rule))];
  const live = names.map((name) => rules.byName(name)).filter((rule) => rule !== undefined);
  const touches = events.flatMap((event) => (event.kind === 'planned' ? event.plan.touches : []));
  const missingLines = missingOf(
    runs.map((run) => run.lineId),
    loaded.lines,
  );
  const missingIncidents = missingOf(
    runs.map((run) => run.incidentId),
    loaded.incidents,
  );
  const judgedLines = judged.flatMap((run) => (run.lineId === null ? [] : [run.lineId]));
  const places = judged.flatMap((run): IncidentTarget[] =>
    run.incidentId === null ? [] : [{ incidentId: run.incidentId, target: run.target }],
  );
  const causes = judged.length === 0 ? [] : live.flatMap((rule) => rule.unlessFiring);
  const causeNames = causes.some((cause) => cause.alertname === undefined)
    ? undefined
    : [...new Set(causes.flatMap((cause) => cause.alertname ?? []))];
  const announced = judged.filter((run) => run.announcedAt !== null).flatMap((run) => run.incidentId ?? []);
  const since = now - Math.max(limits.recurrenceMs, ...live.map(longestLookBack));

  const [
    steps,
    approvals,
    lines,
    incidents,
    claimed,
    claims,
    briefs,
    breakers,
    lineFacts,
    memberAlerts,
    firingAlerts,
    notifications,
    counts,
    schedules,
  ] = await Promise.all([
    started.length === 0 ? [] : tx.steps(started),
    started.length === 0 ? [] : tx.approvalsOfRuns(started),
    missingLines.length === 0 ? [] : tx.lines(missingLines),
    missingIncidents.length === 0 ? [] : tx.incidents(missingIncidents),
    started.length === 0 ? [] : tx.claimsOfRuns(started),
    tx.claims([...new Set([...runs.map((run) => targetKey(run.target)), ...touches.map(touchKey)])]),
    acting.length === 0 ? [] : tx.briefs({ targets: [...new Set(acting.map((run) => run.target))], rules: names, since }),
    acting.length === 0 ? [] : tx.breakers(names),
    judgedLines.length === 0 ? [] : tx.lineFacts(judgedLines, now),
    places.length === 0 ? [] : tx.lineAlerts(places, MAX_FROZEN_ALERTS),
    causes.length === 0 ? [] : tx.firingAlerts(causeNames),
    announced.length === 0 ? [] : tx.notificationsOfIncidents([...new Set(announced)]),
    judged.length === 0 ? undefined : loadCounts(tx, context),
    runs.some(({ trigger }) => trigger === 'schedule') ? tx.schedules('rule') : [],
  ]);
  return {
    steps,
    approvals,
    lines: [...loaded.lines, ...lines],
    incidents: [...loaded.incidents, ...incidents],
    claims: [...claimed, ...claims],
    briefs: byId<RunBrief>(briefs),
    breakers,
    lineFacts,
    memberAlerts,
    firingAlerts,
    notifications,
    schedules,
    ...(counts === undefined ? {} : { counts }),
  };
}

/** The alerts of incidents that a person resolves: all that fire are dismissed. */
async function loadDismissed(
  tx: StoreTransaction,
  events: readonly PipelineEvent[],
): Promise<WorldRows['memberAlerts'] | undefined> {
  const incidentIds = events.flatMap((event) => (event.kind === 'resolve' ? [event.incidentId] : []));
  if (incidentIds.length === 0) return undefined;
  return await tx.memberAlerts(incidentIds, { firingOnly: true, limit: Number.MAX_SAFE_INTEGER });
}

/** When rules are due by the clock, with the runs that their last ticks made. */
async function loadSchedules(
  tx: StoreTransaction,
  events: readonly PipelineEvent[],
): Promise<{ readonly schedules: readonly ScheduleState[]; readonly runs: readonly Run[] }> {
  const areNeeded = events.some(({ kind }) => kind === 'scheduled' || kind === 'rules_changed' || kind === 'booted');
  if (!areNeeded) return { schedules: [], runs: [] };
  const schedules = await tx.schedules('rule');
  const runIds = schedules.flatMap(({ liveRunId }) => liveRunId ?? []);
  return { schedules, runs: runIds.length === 0 ? [] : await tx.runs(runIds) };
}

/** Whether the targets of runs by hand are free, and how often the rules acted on them. */
async function loadByHand(
  tx: StoreTransaction,
  events: readonly PipelineEvent[],
  context: DecisionContext,
): Promise<{ readonly claims: readonly Claim[]; readonly briefs: readonly RunBrief[] } | undefined> {
  const demands = events.flatMap((event) => {
    const demand = event.kind === 'run_by_hand' ? demandOf(event, context) : undefined;
    return demand === undefined || 'ok' in demand ? [] : [demand];
  });
  if (demands.length === 0) return undefined;
  const targets = [...new Set(demands.map(({ target }) => target))];
  const rules = [...new Set(demands.map(({ rule }) => rule.name))];
  const [claims, briefs] = await Promise.all([
    tx.claims(targets.map(targetKey)),
    tx.briefs({ targets, rules, since: context.now - context.limits.recurrenceMs }),
  ]);
  return { claims, briefs };
}

async function loadRearmed(tx: StoreTransaction, events: readonly PipelineEvent[]): Promise<WorldRows['breakers'] | undefined> {
  const rules = events.flatMap((event) => (event.kind === 'rearm' ? [event.rule] : []));
  return rules.length === 0 ? undefined : await tx.breakers(rules);
}

async function loadCounts(tx: StoreTransaction, { now, limits }: DecisionContext): Promise<WorldCounts> {
  const [newEpisodes, actingRuns, running] = await Promise.all([
    tx.countNewEpisodes(now - limits.storm.windowMs, limits.storm.count + 1),
    tx.countActingRuns(now - limits.maxRuns.windowMs, limits.maxRuns.count + 1),
    tx.countRunning(),
  ]);
  return { newEpisodes, actingRuns, running };
}

function longestLookBack(rule: Rule): number {
  const { maxRuns, maxTargets, breaker, cooldownMs } = rule.safety;
  const windows = [...maxRuns, ...maxTargets.windows, breaker].map((rate) => rate.windowMs);
  // A run that began to act before the window may have ended inside it.
  const longestRunMs = rule.rungs.length * (rule.timeoutMs + verifyOf(rule).resolvedWithinMs);
  return Math.max(cooldownMs, ...windows) + longestRunMs;
}

function byId<Row extends { readonly id: string }>(rows: readonly Row[]): readonly Row[] {
  return rows.length < 2 ? rows : [...new Map(rows.map((row) => [row.id, row])).values()];
}

function missingOf(ids: readonly (string | null)[], rows: readonly { readonly id: string }[]): readonly string[] {
  const known = new Set(rows.map((row) => row.id));
  return [...new Set(ids)].filter((id) => id !== null && !known.has(id)).filter((id) => id !== null);
}
