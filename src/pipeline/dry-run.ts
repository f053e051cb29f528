import type { JsonObject } from '../domain/json.ts';
import type { Effect, RemediationCallInput, StepContext } from '../domain/remediation.ts';
import type { Rung } from '../domain/rule.ts';
import type { Scope } from '../domain/scope.ts';
import type { StepFailure, StepRecord } from '../domain/state.ts';
import { stepFailure } from './step-failure.ts';
import { failureOf, playbookScope, walkSteps, type Journal } from './walk-playbook.ts';

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
  readonly state: 'read' | 'planned' | 'skipped' | 'failed';
}

/** Runs one call with its connection and its time; see `Executor`. */
export type CallRunner = <T>(call: RemediationCallInput, work: (context: StepContext) => Promise<T>) => Promise<T>;

/** More steps than any playbook has: a dry run must end. */
const MAX_STEPS = 1_000;

/**
 * Goes through the steps of a rung without changing anything: reading steps are run, changing ones are planned. A step
 * that needs the output of a change cannot be planned, and says so.
 */
export async function dryRun(rung: Rung, scope: Scope, runCall: CallRunner): Promise<readonly DryRunStep[]> {
  const records = new Map<string, StepRecord>();
  const steps: DryRunStep[] = [];
  const journal: Journal = {
    get: (address) => records.get(address),
    write: (entry) => {
      const record: StepRecord = { ...emptyRecord, ...records.get(entry.address), ...entry };
      records.set(record.address, record);
      if (record.state === 'skipped' || (record.state === 'failed' && record.effect === 'read' && record.output === null)) {
        if (!steps.some((step) => step.address === record.address))
          steps.push(shown(record, record.state === 'skipped' ? 'skipped' : 'failed'));
      }
      return record;
    },
  };
  let inner: Scope;
  try {
    inner = rung.playbook.name === '' ? scope : playbookScope(scope, rung.render(scope));
  } catch (error) {
    return [
      shown(
        { ...emptyRecord, address: 'playbook', id: 'playbook', uses: `playbook/${rung.playbook.name}`, error: failureOf(error) },
        'failed',
      ),
    ];
  }
  while (steps.length < MAX_STEPS) {
    const walk = walkSteps(rung.playbook.steps, '', inner, journal);
    if (walk.kind !== 'next') return steps;
    const { address, step, call, scope: stepScope, item } = walk.place;
    const base: StepRecord = { ...emptyRecord, address, id: step.id, uses: call.remediation.name, item };
    try {
      const { connection, params } = call.render(stepScope);
      const effect = call.remediation.effect(params);
      const input: RemediationCallInput = {
        remediation: call.remediation,
        connection,
        params,
        stepId: step.id,
        timeoutMs: step.timeoutMs,
      };
      const record: StepRecord = { ...base, effect, connection: connection ?? null, params };
      const plan = await runCall(input, (context) => call.remediation.plan(params, context));
      if (effect === 'read') {
        const output = await runCall(input, (context) => call.remediation.run(plan, context));
        const { expect } = step;
        const error: StepFailure | null =
          expect === undefined || expect.evaluate({ ...stepScope, output })
            ? null
            : { code: 'expectation_failed', message: `expected ${expect.source}`, happened: 'nothing' };
        const fails = error !== null;
        records.set(address, { ...record, state: fails ? 'failed' : 'succeeded', plan, output, error });
        steps.push({ ...shown({ ...record, output, error }, fails ? 'failed' : 'read') });
      } else {
        records.set(address, { ...record, state: 'succeeded', plan });
        steps.push({ ...shown({ ...record, plan }, 'planned') });
      }
    } catch (error) {
      const failure =
        'code' in Object(error) && !(error instanceof Error && error.name === 'StepError')
          ? failureOf(error)
          : stepFailure(error);
      records.set(address, { ...base, state: 'failed', error: failure });
      steps.push(shown({ ...base, error: failure }, 'failed'));
    }
  }
  return steps;
}

const emptyRecord: StepRecord = {
  runId: '',
  address: '',
  position: 0,
  id: '',
  uses: '',
  effect: 'read',
  state: 'pending',
  stage: null,
  attempts: 1,
  connection: null,
  params: null,
  plan: null,
  output: null,
  error: null,
  items: null,
  item: null,
  startedAt: 0,
  actingAt: null,
  endedAt: null,
  wakeAt: null,
  expectUntil: null,
};

function shown(record: StepRecord, state: DryRunStep['state']): DryRunStep {
  const { address, id, uses, effect, connection, params, plan, output, error } = record;
  return {
    address,
    id,
    uses,
    effect,
    connection,
    params,
    plan:
      plan === null
        ? null
        : { summary: plan.summary, touches: plan.touches, ...(plan.count === undefined ? {} : { count: plan.count }) },
    output,
    error,
    state,
  };
}
