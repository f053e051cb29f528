import { sharedLabels } from '../domain/alert.ts';
import type { Rule } from '../domain/rule.ts';
import type { FrozenAlerts, Run } from '../domain/state.ts';
import type { MemberAlert } from '../domain/store.ts';
import { claimAll, targetKey } from './claims.ts';
import type { DecisionContext } from './decision-context.ts';
import { advance } from './run-playbook.ts';
import { tell } from './story.ts';
import { MAX_FROZEN_ALERTS } from './timing.ts';
import type { World } from './world.ts';

/** Nothing stands in the way: the claim, the frozen alerts and the first step are written by this same transaction. */
export function startRun(world: World, run: Run, rule: Rule, context: DecisionContext): void {
  const { now } = context;
  if (!run.readsOnly) claimAll(world, run, [targetKey(run.target)], now);
  world.keepSnapshot(rule.digest, JSON.stringify(rule.snapshot));
  const attempt =
    1 +
    world
      .briefs()
      .filter(
        (other) =>
          other.id !== run.id &&
          other.rule === run.rule &&
          other.target === run.target &&
          other.actingAt !== null &&
          other.actingAt > now - context.limits.recurrenceMs,
      ).length;
  const started = world.putRun({
    ...run,
    state: 'running',
    reason: null,
    wakeAt: null,
    heldSince: null,
    startedAt: now,
    deadlineAt: now + rule.timeoutMs,
    attempt,
    frozen: freezeAlerts(world, run),
  });
  tell(world, run.incidentId, now, 'run_started', `${run.target}: ${rule.name} starts (attempt ${attempt})`, {
    runId: run.id,
    ...(run.actor === null ? {} : { actor: run.actor }),
  });
  const received = run.lineId === null ? run.createdAt : (world.line(run.lineId)?.firingSince ?? run.createdAt);
  world.signals.push({
    kind: 'run_started',
    rule: rule.name,
    runId: run.id,
    incidentId: run.incidentId,
    waitedMs: Math.max(0, now - received),
  });
  advance(world, started, context);
}

/** The firing alerts of a run's line, as they are now. */
export function alertsOf(world: World, run: Run): readonly MemberAlert[] {
  return world.memberAlerts.filter(
    (alert) => alert.incidentId === run.incidentId && alert.lineTarget === run.target && alert.episode.status === 'firing',
  );
}

/** What the expressions of a run see of its alerts from now on. */
export function freezeAlerts(world: World, run: Run): FrozenAlerts {
  const alerts = alertsOf(world, run).slice(0, MAX_FROZEN_ALERTS);
  const incident = run.incidentId === null ? undefined : world.incident(run.incidentId);
  return {
    alerts: alerts.map(({ episode, content }) => ({
      status: episode.status,
      labels: content.labels,
      annotations: content.annotations,
      fingerprint: content.fingerprint,
      starts_at: episode.startsAt,
    })),
    group: incident?.groupLabels ?? sharedLabels([]),
    severity: incident?.severity ?? '',
    incidentStatus: incident?.status ?? '',
    incidentStartedAt: incident?.startedAt ?? run.createdAt,
  };
}
