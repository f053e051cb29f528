import type { Plan } from '../domain/remediation.ts';
import type { ApprovalSpec, Rule, Step } from '../domain/rule.ts';
import type { Approval, Run, StepRecord } from '../domain/state.ts';
import { isWithin } from './intent.ts';
import { isFinally } from './step-address.ts';
import type { World } from './world.ts';

/** Whether a planned change may be made: by itself, because people allowed it, or not before they are asked. */
export type ApprovalNeed =
  | { readonly kind: 'none' }
  | { readonly kind: 'ask'; readonly why: string; readonly spec: ApprovalSpec }
  /** A step of `finally`, whose run asks nobody any more. */
  | { readonly kind: 'skip' | 'refuse'; readonly why: string };

const NONE: ApprovalNeed = { kind: 'none' };

/** What stands between a planned change and its doing. */
export function approvalNeed(world: World, run: Run, rule: Rule, step: Step, record: StepRecord, plan: Plan): ApprovalNeed {
  // A plan that found nothing to do changes nothing.
  if (plan.count === 0) return NONE;
  const own = ownReason(rule, step, record, run);
  const why = own ?? modeReason(rule, run);
  if (why === undefined) return NONE;
  if (isFinally(record.address)) {
    if (own !== undefined) return { kind: 'refuse', why };
    return wasAllowed(world, run, rungOf(record.address)) ? NONE : { kind: 'skip', why };
  }
  const spec = step.approval ?? rule.approval;
  const isApproved = world.approvalsOf(run.id).some(
    (approval) =>
      approval.state === 'approved' &&
      suffices(approval, spec) &&
      !isOfEarlierEpisode(world, run, approval) &&
      rungOf(approval.address) === rungOf(record.address) &&
      // Rounds of one step are one question, as far as they could be foreseen.
      (own === undefined || withoutRounds(approval.address) === withoutRounds(record.address)) &&
      approval.intent.some((intended) => isWithin(intended, record, plan)),
  );
  return isApproved ? NONE : { kind: 'ask', why, spec };
}

/** The question for people when it is asked: why this step needs them, and who they are. */
export function questionOf(rule: Rule, step: Step, record: StepRecord, run: Run): { why: string; spec: ApprovalSpec } {
  const why = ownReason(rule, step, record, run) ?? modeReason(rule, run) ?? 'the step changes something';
  return { why, spec: step.approval ?? rule.approval };
}

/** Approvals that allowed this step something else than what it would do now, or because of alerts that are over. */
export function outdatedApprovals(world: World, run: Run, record: StepRecord, plan: Plan): readonly Approval[] {
  return world
    .approvalsOf(run.id)
    .filter(
      (approval) =>
        approval.state === 'approved' &&
        approval.intent.some(({ address }) => address === record.address) &&
        (isOfEarlierEpisode(world, run, approval) || !approval.intent.some((intended) => isWithin(intended, record, plan))),
    );
}

/** Why this very step needs an approval of its own. */
function ownReason(rule: Rule, step: Step, record: StepRecord, run: Run): string | undefined {
  if (step.approval !== undefined) return 'the step asks for an approval';
  if (record.effect !== 'destructive') return undefined;
  if (run.trigger === 'manual') return `${record.uses} is destructive, and a run by hand needs another person for that`;
  return rule.safety.allowDestructive ? undefined : `${record.uses} is destructive and the rule does not say allow_destructive`;
}

/** A rule that observes alerts comes so far only by a person's word. A run by hand is that word already. */
function modeReason(rule: Rule, run: Run): string | undefined {
  if (rule.mode === 'auto' || (rule.mode === 'observe' && run.trigger === 'manual')) return undefined;
  return `the rule is in mode ${rule.mode}`;
}

/** What fewer people, or others, have allowed does not speak for a step that asks for more. */
function suffices({ count, roles }: Approval, spec: ApprovalSpec): boolean {
  const wanted = new Set(spec.roles);
  return count >= spec.count && wanted.size === new Set(roles).size && roles.every((role) => wanted.has(role));
}

/** Whether the alerts that people were asked about have resolved, and others (or the same again) fire now. */
export function isOfEarlierEpisode(world: World, run: Run, { askedAt }: Approval): boolean {
  const line = run.lineId === null ? undefined : world.line(run.lineId);
  return line !== undefined && line.firing > 0 && line.firingSince > askedAt;
}

/** Whether people allowed this rung to change something: then it may clean up after itself. */
function wasAllowed(world: World, run: Run, rung: string): boolean {
  const isApproved = world
    .approvalsOf(run.id)
    .some((approval) => approval.state === 'approved' && rungOf(approval.address) === rung);
  return (
    isApproved ||
    [...world.stepsOf(run.id).values()].some(
      ({ address, actingAt, plan }) => actingAt !== null && plan?.count !== 0 && rungOf(address) === rung && !isFinally(address),
    )
  );
}

function rungOf(address: string): string {
  return address.slice(0, address.indexOf(':'));
}

function withoutRounds(address: string): string {
  return address.replaceAll(/\[\d+\]/g, '');
}
