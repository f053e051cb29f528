import type { JsonObject } from '../domain/json.ts';
import type { Effect } from '../domain/remediation.ts';
import type { Rung } from '../domain/rule.ts';
import type { Scope } from '../domain/scope.ts';
import type { StepFailure } from '../domain/state.ts';
import { EMPTY_RECORD, walkDry, type CallRunner, type DryStep } from './dry-walk.ts';
import { failureOf, playbookScope } from './walk-playbook.ts';

/** What a step did (if it only reads) or would do. */
export interface DryRunStep {
  readonly address: string;
  readonly id: string;
  readonly uses: string;
  readonly effect: Effect;
  readonly connection: string | null;
  readonly params: JsonObject | null;
  /** What a changing step would do, to what. */
  readonly plan: { readonly summary: string; readonly touches: readonly string[]; readonly count?: number } | null;
  /** What a reading step gave. */
  readonly output: JsonObject | null;
  readonly error: StepFailure | null;
  readonly state: DryStep['state'];
}

/**
 * Goes through the steps of a rung without changing anything: reading steps are run, changing ones are planned. A step
 * that needs the output of a change cannot be planned, and says so.
 */
export async function dryRun(rung: Rung, scope: Scope, runCall: CallRunner): Promise<readonly DryRunStep[]> {
  let inner: Scope;
  try {
    inner = rung.playbook.name === '' ? scope : playbookScope(scope, rung.render(scope));
  } catch (error) {
    const record = { ...EMPTY_RECORD, address: 'playbook', id: 'playbook', uses: `playbook/${rung.playbook.name}` };
    return [shown({ record: { ...record, error: failureOf(error) }, state: 'failed' })];
  }
  return (await walkDry(rung.playbook, inner, runCall)).map(shown);
}

function shown({ record, state }: DryStep): DryRunStep {
  const { address, id, uses, effect, connection, params, plan, output, error } = record;
  // Of a reading step its output says everything.
  const shownPlan = plan === null || effect === 'read' ? null : plan;
  return {
    address,
    id,
    uses,
    effect,
    connection,
    params,
    plan:
      shownPlan === null
        ? null
        : {
            summary: shownPlan.summary,
            touches: shownPlan.touches,
            ...(shownPlan.count === undefined ? {} : { count: shownPlan.count }),
          },
    output,
    error,
    state,
  };
}
