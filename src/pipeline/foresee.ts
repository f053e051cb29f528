import type { Clock } from '../domain/clock.ts';
import type { Rule } from '../domain/rule.ts';
import type { IntendedStep, Run, StepRecord } from '../domain/state.ts';
import { walkDry, type CallRunner } from './dry-walk.ts';
import { intendedStep } from './intent.ts';
import { scopeOfRun } from './scope-of-run.ts';
import { FORESEE_MS } from './timing.ts';
import { playbookScope } from './walk-playbook.ts';

/** A run and its journal, as the store has them. */
export interface RunAtStep {
  readonly run: Run;
  readonly steps: readonly StepRecord[];
}

/**
 * The changing steps that come after the one that people are to be asked for, planned with the journal so far; nothing
 * is changed. What cannot be planned yet is left out: it will be asked for when it comes. Never takes longer than
 * `FORESEE_MS` and the time a call needs to stop.
 */
export async function foresee(
  { run, steps }: RunAtStep,
  rule: Rule,
  address: string,
  runCall: CallRunner,
  clock: Clock,
): Promise<readonly IntendedStep[]> {
  const rung = rule.rungs[run.rung];
  if (rung === undefined) return [];
  const scope = scopeOfRun(run, clock.now());
  const params = steps.find((step) => step.address === `${run.rung}:playbook`)?.params;
  const inner = rung.playbook.name === '' ? scope : playbookScope(scope, params ?? {});
  const beganAt = clock.monotonic();
  const found = await walkDry(rung.playbook, inner, runCall, {
    prefix: `${run.rung}:steps/`,
    journal: steps.map((step) => (step.address === address ? { ...step, state: 'succeeded', output: {} } : step)),
    looksAhead: true,
    timeLeft: () => FORESEE_MS - (clock.monotonic() - beganAt),
  });
  return found.flatMap(({ record, state }) =>
    state === 'planned' && record.plan !== null ? [intendedStep(record, record.plan)] : [],
  );
}
