import type { JsonObject } from '../../domain/json.ts';
import { UNSUCCESSFUL } from '../../domain/reason.ts';
import type { Run, StepRecord } from '../../domain/state.ts';
import type { IncidentDetail } from '../../domain/store.ts';
import { shortLine } from './shortened.ts';
import { timestamp } from './timestamp.ts';

const MAX_RUNS = 10;
const MAX_STEPS = 30;
const MAX_TEXT = 500;

const STATE_WORDS: Readonly<Record<StepRecord['state'], string>> = {
  pending: 'to come',
  running: 'under way',
  succeeded: 'done',
  failed: 'failed',
  skipped: 'skipped',
  unknown: 'not known whether it happened',
};

/** What the automation did, and what came of it: the newest runs first. */
export function whatWasTried({ runs, steps }: IncidentDetail): readonly JsonObject[] {
  return newestFirst(runs)
    .slice(0, MAX_RUNS)
    .map((run) => ({
      run: run.id,
      target: shortLine(run.target, MAX_TEXT),
      state: howFar(run),
      ...(run.startedAt === null ? {} : { started_at: timestamp(run.startedAt) }),
      ...(run.endedAt === null ? {} : { ended_at: timestamp(run.endedAt) }),
      steps: stepsOf(run, steps).slice(0, MAX_STEPS).map(describeStep),
    }));
}

/** What was tried last and did not help, in a few words; `undefined` while nothing failed. */
export function lastFailure({ runs, steps }: IncidentDetail): string | undefined {
  const failed = newestFirst(runs).find(({ outcome }) => outcome !== null && UNSUCCESSFUL.includes(outcome));
  if (failed === undefined) return undefined;
  const acted = stepsOf(failed, steps).filter(({ effect }) => effect !== 'read');
  const tried = acted.length === 0 ? 'nothing was changed' : `tried ${acted.map(({ uses }) => uses).join(', ')}`;
  const error = stepsOf(failed, steps).findLast((step) => step.error !== null)?.error;
  const why = error == null ? '' : `: ${error.message}`;
  return shortLine(`${tried} on ${failed.target}, ${howFar(failed)}${why}`, MAX_TEXT);
}

function newestFirst(runs: readonly Run[]): readonly Run[] {
  return runs.toSorted((a, b) => b.createdAt - a.createdAt);
}

function stepsOf({ id }: Run, steps: readonly StepRecord[]): readonly StepRecord[] {
  return steps.filter(({ runId }) => runId === id).toSorted((a, b) => a.position - b.position);
}

function howFar({ state, outcome, reason }: Run): string {
  return `${outcome ?? state}${reason === null ? '' : ` (${reason})`}`;
}

function describeStep({ id, uses, state, plan, error }: StepRecord): string {
  const what = plan === null ? '' : `: ${plan.summary}`;
  const failure = error === null ? '' : `; ${error.code}: ${error.message}`;
  return shortLine(`${id} (${uses}) ${STATE_WORDS[state]}${what}${failure}`, MAX_TEXT);
}
