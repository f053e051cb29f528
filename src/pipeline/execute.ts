import type { Clock } from '../domain/clock.ts';
import type { Connection } from '../domain/connection.ts';
import { StepError, type Plan, type RemediationCallInput, type StepContext } from '../domain/remediation.ts';
import type { CheckResult, PipelineEffect, PipelineEvent } from './event.ts';
import { stepFailure } from './step-failure.ts';

/** What the executor needs of the world outside. */
export interface ExecutorDeps {
  readonly clock: Clock;
  connection(kind: Connection['kind'], name: string | undefined): Connection;
  readonly ownContainerId: string | undefined;
  readonly onFault: (message: string, error: unknown) => void;
  /** Gives what happened back to the pipeline; resolves when it is on disk. */
  report(event: PipelineEvent): Promise<unknown>;
  preview(runId: string): Promise<PipelineEvent>;
  /** See `StepContext.report`. */
  summarize: StepContext['report'];
  /** Plans the steps that come after one that people have to approve; see `foresee`. */
  foresee(runId: string, address: string, attempt: number): Promise<PipelineEvent>;
}

/** Does what the pipeline decided, once it is on disk. It decides nothing: every answer goes back as an event. */
export class Executor {
  readonly #deps: ExecutorDeps;
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();

  constructor(deps: ExecutorDeps) {
    this.#deps = deps;
  }

  /** Starts an effect. One that is under way already is not started twice. */
  start(effect: PipelineEffect): void {
    const key = effectKey(effect);
    if (this.#stop.signal.aborted || this.#underWay.has(key)) return;
    const work = this.#perform(effect)
      .catch((error: unknown) => this.#deps.onFault(`what came of a ${effect.kind} of run ${effect.runId} was not taken`, error))
      .finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, work);
  }

  /** Waits for what is under way, at most `ms`; then stops it. What was stopped is recovered at the next start. */
  async stop(ms: number): Promise<void> {
    const { clock } = this.#deps;
    using deadline = clock.timeout(ms);
    const isUp = new Promise<void>((resolve) => deadline.signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([Promise.allSettled(this.#underWay.values()), isUp]);
    this.#stop.abort(new DOMException('the daemon stops', 'AbortError'));
    await Promise.allSettled(this.#underWay.values());
  }

  get size(): number {
    return this.#underWay.size;
  }

  async #perform(effect: PipelineEffect): Promise<void> {
    const event = await this.#answer(effect);
    // After a stop nobody knows how far it came: the journal keeps it under way, and recovery decides.
    if (event === undefined || this.#stop.signal.aborted) return;
    await this.#deps.report(event);
  }

  async #answer(effect: PipelineEffect): Promise<PipelineEvent | undefined> {
    if (effect.kind === 'preview') return this.#deps.preview(effect.runId);
    if (effect.kind === 'check') {
      const results = await Promise.all(
        effect.calls.map(async (call) => ('error' in call ? call : await this.#check(effect.runId, call))),
      );
      return { kind: 'checked', runId: effect.runId, rung: effect.rung, results };
    }
    if (effect.kind === 'foresee') return this.#foresee(effect);
    const { runId, address, attempt, call } = effect;
    const common = { runId, address, attempt };
    try {
      switch (effect.kind) {
        case 'read': {
          const { plan, output } = await this.runCall(common, call, async (context) => readOnce(call, context));
          return { kind: 'step_ended', ...common, result: { output }, plan };
        }
        case 'plan':
          return {
            kind: 'planned',
            ...common,
            plan: await this.runCall(common, call, (context) => call.remediation.plan(call.params, context)),
          };
        case 'act':
          return {
            kind: 'step_ended',
            ...common,
            result: { output: await this.runCall(common, call, (context) => call.remediation.run(effect.plan, context)) },
          };
        case 'look': {
          const { remediation } = call;
          const look = await this.runCall(
            common,
            call,
            async (context) => remediation.look?.(effect.plan, effect.actingAt, context) ?? ({ state: 'unknown' } as const),
          );
          return { kind: 'looked', ...common, look };
        }
      }
    } catch (error) {
      if (effect.kind === 'look') return { kind: 'looked', ...common, look: { state: 'wait', ms: LOOK_AGAIN_MS } };
      return { kind: 'step_ended', ...common, result: { error: stepFailure(error) } };
    }
  }

  /** The question must be asked, whatever can be said of the steps to come. */
  async #foresee({ runId, address, attempt }: Extract<PipelineEffect, { kind: 'foresee' }>): Promise<PipelineEvent> {
    try {
      return await this.#deps.foresee(runId, address, attempt);
    } catch (error) {
      this.#deps.onFault(`the steps to come of run ${runId} cannot be planned`, error);
      return { kind: 'foreseen', runId, address, attempt, steps: [] };
    }
  }

  async #check(runId: string, call: RemediationCallInput): Promise<CheckResult> {
    try {
      return { output: (await this.runCall({ runId, attempt: 1 }, call, (context) => readOnce(call, context))).output };
    } catch (error) {
      return { error: stepFailure(error) };
    }
  }

  /** Runs one call with its time, its connection and its abort signal. What is no step of the run (it has no address) tells people nothing. */
  async runCall<T>(
    { runId, attempt, address }: { readonly runId: string; readonly attempt: number; readonly address?: string },
    call: RemediationCallInput,
    work: (context: StepContext) => Promise<T>,
  ): Promise<T> {
    const { clock } = this.#deps;
    using timeout = clock.timeout(call.timeoutMs, this.#stop.signal);
    const kind = call.remediation.connection;
    const context: StepContext = {
      connection: kind === undefined ? undefined : this.#deps.connection(kind, call.connection),
      signal: timeout.signal,
      timeoutMs: call.timeoutMs,
      clock,
      runId,
      stepId: call.stepId,
      attempt,
      alerts: call.alerts,
      ...(this.#deps.ownContainerId === undefined ? {} : { ownContainerId: this.#deps.ownContainerId }),
      report: (sinceMs, rulesPrefix) => this.#deps.summarize(sinceMs, rulesPrefix),
      post: async (text) => {
        if (address !== undefined) await this.#deps.report({ kind: 'message', runId, address, text });
      },
    };
    return await Promise.race([work(context), whenIgnored(timeout.signal, clock)]);
  }
}

/** A look that failed says nothing; it is asked again. */
const LOOK_AGAIN_MS = 5_000;
/** How long a call may take to notice that it was stopped. */
const STOP_GRACE_MS = 5_000;

async function readOnce(
  call: RemediationCallInput,
  context: StepContext,
): Promise<{ plan: Plan; output: Awaited<ReturnType<RemediationCallInput['remediation']['run']>> }> {
  const plan = await call.remediation.plan(call.params, context);
  return { plan, output: await call.remediation.run(plan, context) };
}

/** Rejects when a call goes on although its signal has aborted long ago: a hung library must not hang its run. */
async function whenIgnored(signal: AbortSignal, clock: Clock): Promise<never> {
  if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  await clock.sleep(STOP_GRACE_MS);
  throw new StepError('timeout', 'it did not stop when its time was up', { happened: 'unknown' });
}

function effectKey(effect: PipelineEffect): string {
  switch (effect.kind) {
    case 'preview':
      return `${effect.runId} preview`;
    case 'check':
      return `${effect.runId} check`;
    default:
      return `${effect.runId} ${effect.address} ${effect.attempt} ${effect.kind}`;
  }
}
