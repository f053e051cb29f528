import type { RemediationCallInput } from '../domain/remediation.ts';
import type { Rule, Verify } from '../domain/rule.ts';
import type { Scope } from '../domain/scope.ts';
import type { Line, Run, StepFailure } from '../domain/state.ts';
import type { DecisionContext } from './decision-context.ts';
import type { CheckResult } from './event.ts';
import { tell } from './story.ts';
import { CHECK_INTERVAL_MS } from './timing.ts';
import { failureOf } from './walk-playbook.ts';
import type { World } from './world.ts';

/** Without `verify`, the alert itself has to say that it helped. */
const DEFAULT_VERIFY: Verify = { checks: [], stableForMs: 0, resolvedWithinMs: 15 * 60_000, needsResolved: true };

export function verifyOf(rule: Rule): Verify {
  return rule.verify ?? DEFAULT_VERIFY;
}

/** The steps of a rung are done and something was changed: from now on it has to show that it helped. */
export function beginVerifying(world: World, run: Run, rule: Rule, context: DecisionContext): void {
  const { now } = context;
  const verify = verifyOf(rule);
  world.putRun({
    ...run,
    state: 'verifying',
    reason: null,
    verifyingSince: now,
    verifyDeadlineAt: now + verify.resolvedWithinMs,
    stableSince: null,
    checksSeen: verify.checks.map(() => false),
    wakeAt: now,
  });
  tell(world, run.incidentId, now, 'run_verifying', `${run.target}: the steps are done; did it help?`, { runId: run.id });
}

/** Asks all checks of a rule at once; those whose parameters have no value are unknown. */
export function pollChecks(world: World, run: Run, rule: Rule, scope: Scope, context: DecisionContext): void {
  const calls = verifyOf(rule).checks.map((check): RemediationCallInput | { error: StepFailure } => {
    try {
      const { connection, params } = check.call.render(scope);
      const { remediation } = check.call;
      const alerts = scope.alerts?.map(({ labels }) => labels) ?? [];
      return { remediation, connection, params, stepId: 'verify', timeoutMs: check.timeoutMs, alerts };
    } catch (error) {
      return { error: failureOf(error) };
    }
  });
  world.putRun({ ...run, wakeAt: context.now + CHECK_INTERVAL_MS });
  world.effects.push({ kind: 'check', runId: run.id, rung: run.rung, calls });
}

type Truth = 'true' | 'false' | 'unknown';

/** What the conditions say together: verified, not yet, or not in time. */
export type VerifyDecision =
  | { readonly kind: 'verified'; readonly evidence: 'checks' | 'alert' }
  | { readonly kind: 'wait'; readonly run: Run }
  | { readonly kind: 'missed'; readonly outcome: 'ineffective' | 'inconclusive'; readonly detail: string };

/** Judges the conditions at this instant. All must hold together for `stable_for`, before the deadline. */
export function judgeConditions(
  run: Run,
  rule: Rule,
  line: Line | undefined,
  results: readonly CheckResult[],
  scope: Scope,
  now: number,
): VerifyDecision {
  const verify = verifyOf(rule);
  const checks = verify.checks.map((check, index): Truth => truthOf(check.expect, results[index], scope));
  const resolved = resolvedTruth(line);
  const needsResolved = verify.needsResolved && run.lineId !== null;
  const conditions = needsResolved ? [...checks, resolved] : checks;
  const checksSeen = checks.map((truth, index) => truth === 'true' || (run.checksSeen[index] ?? false));
  const since = run.verifyingSince ?? now;
  const deadline = run.verifyDeadlineAt ?? now;
  const holds = conditions.every((truth) => truth === 'true');
  const stableSince = holds ? (run.stableSince ?? now) : null;
  if (
    stableSince !== null &&
    now - stableSince >= verify.stableForMs &&
    stableSince + verify.stableForMs <= Math.max(deadline, since)
  ) {
    return { kind: 'verified', evidence: verify.checks.length > 0 ? 'checks' : 'alert' };
  }
  const lateCheck = verify.checks.findIndex(
    (check, index) => check.withinMs !== undefined && checksSeen[index] !== true && now >= since + check.withinMs,
  );
  if (now >= deadline || lateCheck >= 0) {
    const isFalse = conditions.includes('false') || holds;
    const names = [...verify.checks.map((check) => check.expect.source), ...(needsResolved ? ['the alert is resolved'] : [])];
    const open = names.filter((_, index) => conditions[index] !== 'true');
    const detail = holds
      ? 'the conditions held, but not for long enough before the deadline'
      : `not true in time: ${open.join('; ')}`;
    return { kind: 'missed', outcome: isFalse ? 'ineffective' : 'inconclusive', detail };
  }
  const limits = verify.checks.flatMap((check, index) =>
    check.withinMs !== undefined && checksSeen[index] !== true ? [since + check.withinMs] : [],
  );
  // That the alert resolves wakes the run; that it fires again does not, and must be seen while the conditions hold.
  const isPolled = verify.checks.length > 0 || holds;
  const wakeAt = Math.min(
    ...(isPolled ? [now + CHECK_INTERVAL_MS] : []),
    deadline,
    ...limits,
    ...(stableSince === null ? [] : [stableSince + verify.stableForMs]),
  );
  return { kind: 'wait', run: { ...run, stableSince, checksSeen, wakeAt: Math.max(wakeAt, now + 1) } };
}

/** Only Alertmanager's word counts: a person's dismissal, or silence, does not say that the alert is over. */
function resolvedTruth(line: Line | undefined): Truth {
  if (line === undefined || line.firing > 0) return line === undefined ? 'unknown' : 'false';
  return line.closedBy === 'alertmanager' || line.closedBy === 'reconciled' ? 'true' : 'unknown';
}

function truthOf(expect: { evaluate(scope: Scope): boolean }, result: CheckResult | undefined, scope: Scope): Truth {
  if (result === undefined || 'error' in result) return 'unknown';
  try {
    return expect.evaluate({ ...scope, output: result.output }) ? 'true' : 'false';
  } catch {
    return 'unknown';
  }
}
