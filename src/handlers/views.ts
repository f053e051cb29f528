import type { Labels } from '../domain/alert.ts';
import type { JsonObject } from '../domain/json.ts';
import type { RuleSet } from '../domain/rule.ts';
import type { Approval, Breaker, Run, StepRecord, TimelineEntry } from '../domain/state.ts';
import type { IncidentPhase } from '../domain/incident-phase.ts';
import { phaseOf } from '../domain/phase-of.ts';
import type { IncidentDetail, MemberAlert, Store } from '../domain/store.ts';

// What the API shows, in the contract's names. Instants are RFC 3339 in UTC.

export interface StepView {
  readonly id: string;
  readonly uses: string;
  readonly state: string;
  readonly attempts: number;
  readonly plan: {
    readonly summary: string;
    readonly identity: JsonObject;
    readonly touches: readonly string[];
    readonly count: number | null;
  } | null;
  readonly output: JsonObject | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

export interface ApprovalView {
  readonly state: string;
  readonly why: string;
  readonly roles: readonly string[];
  readonly count: number;
  readonly approved_by: readonly string[];
  readonly decided_by: string | null;
  readonly asked_at: string;
  readonly timeout_at: string;
  readonly expires_at: string;
  /** What was asked for, step by step. */
  readonly intent: readonly { readonly step: string; readonly uses: string; readonly summary: string }[];
}

export interface RunView {
  readonly id: string;
  readonly rule: string;
  readonly target: string;
  /** What started it: `alert`, `retry`, `manual` or `schedule`. */
  readonly trigger: string;
  /** Its playbook by name; `null` where the steps stand in the rule, or the rule is gone. */
  readonly playbook: string | null;
  readonly state: string;
  readonly outcome: string | null;
  readonly reason: string | null;
  /** Of what people were asked to allow last. */
  readonly intent_digest: string | null;
  /** The newest question to people; `null` where nobody was asked. */
  readonly approval: ApprovalView | null;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly steps: readonly StepView[];
}

/** A run by itself, with its story: what an observed one would have done is told there. */
export type RunDetailView = RunView & { readonly timeline: readonly TimelineEntryView[] };

export interface TimelineEntryView {
  readonly at: string;
  readonly kind: string;
  readonly reason: string | null;
  readonly text: string;
  readonly actor: string | null;
}

export interface AlertView {
  readonly status: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly starts_at: string;
  readonly ends_at: string | null;
  readonly source: string;
  readonly target: string | null;
  readonly fingerprint: string;
  readonly generator_url: string;
}

export interface IncidentView {
  readonly id: string;
  readonly rule: string;
  readonly status: string;
  readonly phase: IncidentPhase;
  readonly severity: string;
  readonly labels: Labels;
  readonly started_at: string;
  readonly acknowledged_at: string | null;
  readonly acknowledged_by: string | null;
  readonly resolved_at: string | null;
  readonly escalation_level: number;
  readonly truncated_alerts: number;
  /** Lines of its message that people set. */
  readonly fields: Labels;
  readonly update_due_at: string | null;
  readonly alerts: readonly AlertView[];
  readonly runs: readonly RunView[];
  readonly timeline: readonly TimelineEntryView[];
}

export interface BreakerView {
  readonly rule: string;
  readonly state: 'open' | 'closed';
  readonly opened_at: string | null;
  readonly rearmed_at: string | null;
  readonly rearmed_by: string | null;
}

export function viewInstant(at: number): string;
export function viewInstant(at: number | null): string | null;
export function viewInstant(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

export function viewIncident(detail: IncidentDetail, rules: RuleSet): IncidentView {
  const { incident, lines, runs, steps } = detail;
  return {
    id: incident.id,
    rule: incident.rule,
    status: incident.status,
    phase: phaseOf(incident, lines, runs),
    severity: incident.severity,
    labels: incident.groupLabels,
    started_at: viewInstant(incident.startedAt),
    acknowledged_at: viewInstant(incident.acknowledgedAt),
    acknowledged_by: incident.acknowledgedBy,
    resolved_at: viewInstant(incident.resolvedAt),
    escalation_level: incident.escalationLevel,
    truncated_alerts: incident.truncatedAlerts,
    fields: incident.fields,
    update_due_at: viewInstant(incident.updateDueAt),
    alerts: detail.alerts.map(viewAlert),
    runs: runs.map((run) =>
      viewRun(
        run,
        steps.filter((step) => step.runId === run.id),
        detail.approvals.filter((approval) => approval.runId === run.id),
        rules,
      ),
    ),
    timeline: detail.timeline.map(viewTimelineEntry),
  };
}

function viewRun(run: Run, steps: readonly StepRecord[], approvals: readonly Approval[], rules: RuleSet): RunView {
  const asked = approvals.reduce<Approval | undefined>(
    (newest, each) => (newest !== undefined && newest.askedAt > each.askedAt ? newest : each),
    undefined,
  );
  const playbook = rules.byName(run.rule)?.rungs[run.rung]?.playbook.name ?? '';
  return {
    id: run.id,
    rule: run.rule,
    target: run.target,
    trigger: run.trigger,
    playbook: playbook === '' ? null : playbook,
    state: run.state,
    outcome: run.outcome,
    reason: run.reason,
    intent_digest: asked?.intentDigest ?? null,
    approval: asked === undefined ? null : viewApproval(asked),
    started_at: viewInstant(run.startedAt),
    ended_at: viewInstant(run.endedAt),
    steps: steps.map(viewStep),
  };
}

export function viewRunDetail(
  { run, steps, approvals, timeline }: NonNullable<Awaited<ReturnType<Store['runDetail']>>>,
  rules: RuleSet,
): RunDetailView {
  return { ...viewRun(run, steps, approvals, rules), timeline: timeline.map(viewTimelineEntry) };
}

function viewApproval(approval: Approval): ApprovalView {
  return {
    state: approval.state,
    why: approval.why,
    roles: approval.roles,
    count: approval.count,
    approved_by: approval.approvedBy,
    decided_by: approval.decidedBy,
    asked_at: viewInstant(approval.askedAt),
    timeout_at: viewInstant(approval.timeoutAt),
    expires_at: viewInstant(approval.expiresAt),
    intent: approval.intent.map(({ address, uses, summary }) => ({ step: address, uses, summary })),
  };
}

function viewStep(step: StepRecord): StepView {
  const { plan, error } = step;
  return {
    id: step.id,
    uses: step.uses,
    state: step.state,
    attempts: step.attempts,
    plan:
      plan === null ? null : { summary: plan.summary, identity: plan.identity, touches: plan.touches, count: plan.count ?? null },
    output: step.output,
    error: error === null ? null : { code: error.code, message: error.message },
  };
}

function viewTimelineEntry({ at, kind, reason, text, actor }: TimelineEntry): TimelineEntryView {
  return { at: viewInstant(at), kind, reason, text, actor };
}

function viewAlert({ lineTarget, episode, content }: MemberAlert): AlertView {
  return {
    status: episode.status,
    labels: content.labels,
    annotations: content.annotations,
    starts_at: viewInstant(episode.startsAt),
    ends_at: viewInstant(episode.endsAt),
    source: episode.source,
    target: lineTarget,
    fingerprint: content.fingerprint,
    generator_url: content.generatorUrl,
  };
}

/** A rule without a record has never had a breaker open. */
export function viewBreaker(rule: string, breaker: Breaker | undefined): BreakerView {
  const openedAt = breaker?.openedAt ?? null;
  return {
    rule,
    state: openedAt === null ? 'closed' : 'open',
    opened_at: viewInstant(openedAt),
    rearmed_at: viewInstant(breaker === undefined || breaker.rearmedBy === null ? null : breaker.rearmedAt),
    rearmed_by: breaker?.rearmedBy ?? null,
  };
}
