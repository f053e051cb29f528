import type { Json, JsonObject } from '../domain/json.ts';
import { ParameterError } from '../domain/parameter.ts';
import { ExpressionError, type Scope, type StepState, type StepView } from '../domain/scope.ts';
import type { PlaybookCall, RemediationCall, Step } from '../domain/rule.ts';
import type { StepFailure, StepRecord } from '../domain/state.ts';

/** The most rounds a `for_each` may have. */
const MAX_ROUNDS = 100;

/** A step that is next: nothing of it is in the journal yet. */
export interface StepPlace {
  readonly address: string;
  readonly step: Step;
  readonly call: RemediationCall;
  readonly scope: Scope;
  readonly item: Json | null;
}

/** Where a playbook stands, by its journal. `views` are the steps so far, for the expressions after them. */
export type Walk =
  | { readonly kind: 'next'; readonly place: StepPlace }
  | { readonly kind: 'busy'; readonly record: StepRecord }
  | {
      readonly kind: 'done';
      readonly views: Readonly<Record<string, StepView>>;
      readonly failure: { readonly stepId: string; readonly state: StepState; readonly error: StepFailure } | undefined;
    };

/** The journal as the walk sees it. Steps that never call a remediation (skipped, rounds, playbooks) are written by the walk itself. */
export interface Journal {
  get(address: string): StepRecord | undefined;
  write(entry: Pick<StepRecord, 'address' | 'id' | 'uses'> & Partial<StepRecord>): StepRecord;
}

/**
 * Finds out, from the journal alone, which step is next. The same journal always gives the same answer, so that a run
 * goes on after a crash exactly where it was.
 */
export function walkSteps(
  steps: readonly Step[],
  prefix: string,
  scope: Scope,
  journal: Journal,
  options: { readonly goOn: boolean } = { goOn: false },
): Walk {
  const views: Record<string, StepView> = { ...notYetRun(steps), ...scope.steps };
  let firstFailure: Extract<Walk, { kind: 'done' }>['failure'];
  for (const step of steps) {
    const walk = walkStep(step, `${prefix}${step.id}`, { ...scope, steps: views }, journal);
    if (walk.kind !== 'done') return walk;
    const view = walk.views[step.id];
    if (view !== undefined) views[step.id] = view;
    if (walk.failure === undefined || !(endsSteps(step, walk.failure.state) || options.goOn)) continue;
    firstFailure ??= walk.failure;
    if (!options.goOn) break;
  }
  return { kind: 'done', views, failure: firstFailure };
}

/** `on_error: continue` is about failures; after a change that may have happened nobody knows what goes on. */
function endsSteps(step: Step, state: StepState | undefined): boolean {
  return state === 'unknown' || (state === 'failed' && step.onError === 'fail');
}

function notYetRun(steps: readonly Step[]): Record<string, StepView> {
  return Object.fromEntries(
    steps.map((step) => [step.id, { state: 'skipped', output: {}, error: '', items: [] } satisfies StepView]),
  );
}

function walkStep(step: Step, address: string, scope: Scope, journal: Journal): Walk {
  if (step.forEach === undefined) return walkOne(step, address, scope, null, journal);
  const parent = journal.get(address) ?? beginRounds(step, address, scope, journal);
  const items = parent.items ?? [];
  if (isOver(parent.state)) return done(step, parent, roundsOf(step, address, items, journal));
  for (const [round, item] of items.entries()) {
    const walk = walkOne(step, `${address}[${round}]`, { ...scope, item }, item, journal);
    if (walk.kind !== 'done') return walk;
    if (endsSteps(step, walk.failure?.state)) break;
  }
  const rounds = roundsOf(step, address, items, journal);
  const failed = rounds.find((round) => round.state === 'unknown') ?? rounds.find((round) => round.state === 'failed');
  const failure = failed === undefined ? null : (journal.get(`${address}[${rounds.indexOf(failed)}]`)?.error ?? null);
  const state =
    failed?.state ?? (rounds.length > 0 && rounds.every((round) => round.state === 'skipped') ? 'skipped' : 'succeeded');
  return done(step, journal.write({ ...parent, state, stage: null, error: failure }), rounds);
}

function beginRounds(step: Step, address: string, scope: Scope, journal: Journal): StepRecord {
  const base = { address, id: step.id, uses: usesOf(step) };
  try {
    const items = step.forEach?.render(scope);
    if (!Array.isArray(items)) throw new ExpressionError('expression_error', 'for_each is not a list');
    if (items.length > MAX_ROUNDS)
      throw new ExpressionError('expression_error', `for_each has ${items.length} values; at most ${MAX_ROUNDS} are allowed`);
    return journal.write({ ...base, state: 'running', stage: 'children', items });
  } catch (error) {
    return journal.write({ ...base, state: 'failed', error: failureOf(error) });
  }
}

function roundsOf(step: Step, address: string, items: readonly Json[], journal: Journal): StepView['items'] {
  return items.map((item, round) => ({ item, ...viewOf(journal.get(`${address}[${round}]`)) }));
}

function walkOne(step: Step, address: string, scope: Scope, item: Json | null, journal: Journal): Walk {
  const record = journal.get(address);
  if (record !== undefined && isOver(record.state)) return done(step, record);
  const base = { address, id: step.id, uses: usesOf(step), item };
  if (record === undefined) {
    try {
      if (step.if !== undefined && !step.if.evaluate(scope)) return done(step, journal.write({ ...base, state: 'skipped' }));
    } catch (error) {
      return done(step, journal.write({ ...base, state: 'failed', error: failureOf(error) }));
    }
  }
  if (step.call.kind === 'playbook') return walkPlaybook(step, step.call, address, scope, base, record, journal);
  if (record !== undefined) return { kind: 'busy', record };
  return { kind: 'next', place: { address, step, call: step.call, scope, item } };
}

function walkPlaybook(
  step: Step,
  call: PlaybookCall,
  address: string,
  scope: Scope,
  base: Pick<StepRecord, 'address' | 'id' | 'uses' | 'item'>,
  record: StepRecord | undefined,
  journal: Journal,
): Walk {
  let parent = record;
  if (parent === undefined) {
    try {
      parent = journal.write({ ...base, state: 'running', stage: 'children', params: call.render(scope) });
    } catch (error) {
      return done(step, journal.write({ ...base, state: 'failed', error: failureOf(error) }));
    }
  }
  const inner = playbookScope(scope, parent.params ?? {});
  const steps = walkSteps(call.playbook.steps, `${address}/`, inner, journal);
  if (steps.kind !== 'done') return steps;
  const failed = steps.failure !== undefined;
  const run = scope.run === undefined ? {} : { run: { ...scope.run, failed: scope.run.failed || failed } };
  const last = walkSteps(call.playbook.finally, `${address}/finally/`, { ...inner, ...run, steps: steps.views }, journal, {
    goOn: true,
  });
  if (last.kind !== 'done') return last;
  const failure = steps.failure;
  return done(
    step,
    journal.write({
      ...parent,
      state: failure === undefined ? 'succeeded' : failure.state,
      stage: null,
      error: failure?.error ?? null,
    }),
  );
}

/**
 * The `finally` of playbooks that are steps and were left in the middle: a cancel, the end of the time or of the alerts
 * stopped their run. Gives the step of them that is next or under way; `undefined` when there is none left.
 */
export function walkOpenPlaybooks(
  steps: readonly Step[],
  prefix: string,
  scope: Scope,
  journal: Journal,
): Exclude<Walk, { kind: 'done' }> | undefined {
  for (const step of steps) {
    if (step.call.kind !== 'playbook') continue;
    const { playbook } = step.call;
    const rounds = journal.get(`${prefix}${step.id}`)?.items?.map((_, round) => `[${round}]`) ?? [''];
    for (const round of rounds) {
      const address = `${prefix}${step.id}${round}`;
      const record = journal.get(address);
      if (record?.state !== 'running' || !hasBegun(playbook.steps, `${address}/`, journal)) continue;
      const inner = playbookScope(scope, record.params ?? {});
      const views = viewsOf(playbook.steps, `${address}/`, journal);
      const walk =
        walkOpenPlaybooks(playbook.steps, `${address}/`, inner, journal) ??
        walkSteps(playbook.finally, `${address}/finally/`, { ...inner, steps: views }, journal, { goOn: true });
      if (walk.kind !== 'done') return walk;
    }
  }
  return undefined;
}

/** A playbook none of whose steps was started has nothing to clean up. */
function hasBegun(steps: readonly Step[], prefix: string, journal: Journal): boolean {
  return steps.some((step) => journal.get(`${prefix}${step.id}`) !== undefined);
}

/** The views of sibling steps as the journal has them now; nothing is written. */
export function viewsOf(steps: readonly Step[], prefix: string, journal: Journal): Readonly<Record<string, StepView>> {
  const entries = steps.map((step): [string, StepView] => {
    const address = `${prefix}${step.id}`;
    return [
      step.id,
      { ...viewOf(journal.get(address)), items: roundsOf(step, address, journal.get(address)?.items ?? [], journal) },
    ];
  });
  return Object.fromEntries(entries);
}

/** What the steps of a playbook see: never the rule's labels, so that it runs the same from an alert, a clock or a hand. */
export function playbookScope(scope: Scope, params: JsonObject): Scope {
  return { params, steps: {}, now: scope.now, ...(scope.run === undefined ? {} : { run: scope.run }) };
}

function done(step: Step, record: StepRecord, items: StepView['items'] = []): Walk {
  const error = record.error ?? {
    code: 'internal_error' as const,
    message: 'no reason was written',
    happened: 'unknown' as const,
  };
  const hasFailed = record.state === 'failed' || record.state === 'unknown';
  return {
    kind: 'done',
    views: { [step.id]: { ...viewOf(record), items } },
    failure: hasFailed ? { stepId: step.id, state: record.state, error } : undefined,
  };
}

function viewOf(record: StepRecord | undefined): Omit<StepView, 'items'> {
  return { state: record?.state ?? 'skipped', output: record?.output ?? {}, error: record?.error?.code ?? '' };
}

function isOver(state: StepState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'skipped' || state === 'unknown';
}

function usesOf(step: Step): string {
  return step.call.kind === 'playbook' ? `playbook/${step.call.playbook.name}` : step.call.remediation.name;
}

/** What an error of rendering or evaluating means for a step: nothing was done. */
export function failureOf(error: unknown): StepFailure {
  const code = error instanceof ExpressionError || error instanceof ParameterError ? error.code : 'expression_error';
  return { code, message: error instanceof Error ? error.message : String(error), happened: 'nothing' };
}
