import type { RemediationCallInput, StepContext } from '../domain/remediation.ts';
import type { Playbook } from '../domain/rule.ts';
import type { Scope } from '../domain/scope.ts';
import type { StepFailure, StepRecord } from '../domain/state.ts';
import { stepFailure } from './step-failure.ts';
import { failureOf, walkSteps, type Journal, type StepPlace } from './walk-playbook.ts';

/** Runs one call with its connection and its time; see `Executor`. */
export type CallRunner = <T>(call: RemediationCallInput, work: (context: StepContext) => Promise<T>) => Promise<T>;

/** A step that a dry walk came by: read, planned and not done, skipped, or failed. */
export interface DryStep {
  readonly record: StepRecord;
  readonly state: 'read' | 'planned' | 'skipped' | 'failed';
}

export interface DryWalkOptions {
  /** The beginning of all addresses. */
  readonly prefix?: string;
  /** What is done already, by address. */
  readonly journal?: readonly StepRecord[];
  /**
   * Looks ahead: goes on behind what fails, as if it had been skipped, because the changes before it may make it
   * succeed; and takes what reaches no system (a wait, a message) for done.
   */
  readonly looksAhead?: boolean;
  /** Milliseconds that a call may take, at most; none are left when it gives 0. */
  readonly timeLeft?: () => number;
}

/** More steps than any playbook has: a dry walk must end. */
const MAX_STEPS = 1_000;

/**
 * Goes through the steps of a playbook without changing anything: reading steps are run, changing ones are planned. A
 * step that needs the output of a change cannot be planned, and fails.
 */
export async function walkDry(
  playbook: Playbook,
  scope: Scope,
  runCall: CallRunner,
  { prefix = '', journal: done = [], looksAhead = false, timeLeft = () => Infinity }: DryWalkOptions = {},
): Promise<readonly DryStep[]> {
  const records = new Map(done.map((record) => [record.address, record]));
  const steps: DryStep[] = [];
  const journal: Journal = {
    get: (address) => records.get(address),
    write: (entry) => {
      const record: StepRecord = { ...EMPTY_RECORD, ...records.get(entry.address), ...entry };
      const isShown =
        record.state === 'skipped' || (record.state === 'failed' && record.effect === 'read' && record.output === null);
      if (isShown && !steps.some((step) => step.record.address === record.address))
        steps.push({ record, state: record.state === 'skipped' ? 'skipped' : 'failed' });
      const kept: StepRecord = looksAhead && record.state === 'failed' ? { ...record, state: 'skipped' } : record;
      records.set(kept.address, kept);
      return kept;
    },
  };
  while (steps.length < MAX_STEPS && timeLeft() > 0) {
    const walk = walkSteps(playbook.steps, prefix, scope, journal);
    if (walk.kind !== 'next') break;
    const step =
      looksAhead && walk.place.call.remediation.connection === undefined && walk.place.call.effect === 'read'
        ? passStep(walk.place)
        : await tryStep(walk.place, runCall, timeLeft());
    const { record, state } = step;
    const isOver = state === 'read' || state === 'planned';
    records.set(record.address, { ...record, state: isOver ? 'succeeded' : looksAhead ? 'skipped' : 'failed' });
    steps.push(step);
  }
  return steps;
}

function passStep({ address, step, call, item }: StepPlace): DryStep {
  const { name, example } = call.remediation;
  return { record: { ...EMPTY_RECORD, address, id: step.id, uses: name, item, output: example }, state: 'read' };
}

async function tryStep(
  { address, step, call, scope, item }: StepPlace,
  runCall: CallRunner,
  timeLeftMs: number,
): Promise<DryStep> {
  const base: StepRecord = { ...EMPTY_RECORD, address, id: step.id, uses: call.remediation.name, item };
  try {
    const { connection, params } = call.render(scope);
    const effect = call.remediation.effect(params);
    const input: RemediationCallInput = {
      remediation: call.remediation,
      connection,
      params,
      stepId: step.id,
      timeoutMs: Math.min(step.timeoutMs, timeLeftMs),
      alerts: scope.alerts?.map(({ labels }) => labels) ?? [],
    };
    const record: StepRecord = { ...base, effect, connection: connection ?? null, params };
    const plan = await runCall(input, (context) => call.remediation.plan(params, context));
    if (effect !== 'read') return { record: { ...record, plan }, state: 'planned' };
    const output = await runCall(input, (context) => call.remediation.run(plan, context));
    const { expect } = step;
    const error: StepFailure | null =
      expect === undefined || expect.evaluate({ ...scope, output })
        ? null
        : { code: 'expectation_failed', message: `expected ${expect.source}`, happened: 'nothing' };
    return { record: { ...record, plan, output, error }, state: error === null ? 'read' : 'failed' };
  } catch (error) {
    const isOfRules = 'code' in Object(error) && !(error instanceof Error && error.name === 'StepError');
    return { record: { ...base, error: isOfRules ? failureOf(error) : stepFailure(error) }, state: 'failed' };
  }
}

/** A step that nothing was done of. */
export const EMPTY_RECORD: StepRecord = {
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
