import type { Json, JsonObject } from '../domain/json.ts';
import { StepError, type AnyRemediation, type Look, type Plan, type StepContext } from '../domain/remediation.ts';
import { isSameData } from './is-same-data.ts';
import { touchesOf } from './scripted-touches.ts';
import type { Script, ScriptedOutput } from './script.ts';

/**
 * The catalogue with nothing behind it: each remediation parses its parameters and has its effect as ever, and answers from
 * the script of the test that plays. One that reaches no system (a wait, a message) is the real one while no script names it.
 */
export class ScriptedRemediations {
  readonly remediations: ReadonlyMap<string, AnyRemediation>;
  #scripts: readonly { readonly script: Script; calls: number }[] = [];
  /** Contexts of calls that only look ahead: they see what the next call would return, and leave it there. */
  readonly #peeking = new WeakSet<StepContext>();

  constructor(catalogue: ReadonlyMap<string, AnyRemediation>) {
    this.remediations = new Map([...catalogue].map(([name, real]) => [name, this.#wrap(real)]));
  }

  /** From now on calls return what these say. */
  play(scripts: readonly Script[]): void {
    this.#scripts = scripts.map((script) => ({ script, calls: 0 }));
  }

  /** The scripts that no call has asked for, but for those of any other call, which say what must not be asked. */
  get unused(): readonly Script[] {
    const asked = new Set(this.#scripts.filter(({ calls }) => calls > 0).map(({ script }) => script.remediation));
    return this.#scripts
      .filter(({ calls, script }) => calls === 0 && !(isOfAnyCall(script) && asked.has(script.remediation)))
      .map(({ script }) => script);
  }

  /** A context whose call uses up nothing of the script. */
  peek(context: StepContext): StepContext {
    const copy = { ...context };
    this.#peeking.add(copy);
    return copy;
  }

  #wrap(real: AnyRemediation): AnyRemediation {
    const isHarmless = real.connection === undefined;
    return {
      ...real,
      effect: (params) => real.effect(params),
      plan: async (params, context) => {
        const next = this.#next(real, params, context, 'look');
        if (next === undefined && isHarmless) return real.plan(params, context);
        if (next !== undefined && 'error' in next && next.stage === 'plan' && real.effect(params) !== 'read') {
          this.#next(real, params, context, 'take');
          await takeTime(next, context, 'nothing');
          throw errorOf(next.error);
        }
        return planOf(real, params, context);
      },
      run: async (plan, context) => {
        const params = paramsOf(plan);
        if (params === undefined) return real.run(plan, context);
        const next = this.#next(real, params, context, 'take');
        return answer(real, params, next, context);
      },
      look: (plan, _startedAt, context) => Promise.resolve(this.#look(real, plan, context)),
    };
  }

  /** Somebody looks whether a change in doubt has happened: the next output says what is found. */
  #look(real: AnyRemediation, plan: Plan, context: StepContext): Look {
    const params = paramsOf(plan);
    if (params === undefined) return { state: 'not_done' };
    const next = this.#next(real, params, context, 'take');
    if (next === undefined) return { state: 'done', output: real.example };
    if ('output' in next) return { state: 'done', output: next.output };
    return { state: next.error.happened === 'nothing' ? 'not_done' : 'unknown' };
  }

  /** What the next of these calls returns; `undefined` when no script speaks of it. The first script that fits counts. */
  #next(real: AnyRemediation, params: JsonObject, context: StepContext, how: 'look' | 'take'): ScriptedOutput | undefined {
    const found = this.#scripts.find(({ script }) => isFor(script, real, params, context));
    if (found === undefined) return undefined;
    const { outputs } = found.script;
    const output = outputs[Math.min(found.calls, outputs.length - 1)];
    if (how === 'take' && !this.#peeking.has(context)) found.calls += 1;
    return output;
  }
}

function isFor(
  { remediation, when, connection }: Script,
  real: AnyRemediation,
  params: JsonObject,
  context: StepContext,
): boolean {
  return (
    remediation.name === real.name &&
    (connection === undefined || context.connection?.name === connection) &&
    Object.entries(when).every(([name, value]) => isSameData(params[name], value))
  );
}

function planOf(real: AnyRemediation, params: JsonObject, context: StepContext): Plan {
  const where = context.connection === undefined ? '' : ` on ${context.connection.name}`;
  const what = Object.entries(params).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return {
    summary: [`${real.name}${where}`, ...what].join(' '),
    identity: { connection: context.connection?.name ?? null, params },
    touches: real.effect(params) === 'read' ? [] : touchesOf(params, context.connection),
    data: { scripted: params },
  };
}

/** The parameters of a scripted plan; `undefined` for the plan of a real remediation. */
function paramsOf({ data }: Plan): JsonObject | undefined {
  if (!isMapping(data)) return undefined;
  const { scripted } = data;
  return isMapping(scripted) ? scripted : undefined;
}

function isMapping(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function answer(
  real: AnyRemediation,
  params: JsonObject,
  next: ScriptedOutput | undefined,
  context: StepContext,
): Promise<JsonObject> {
  if (next === undefined) return real.example;
  await takeTime(next, context, real.effect(params) === 'read' ? 'nothing' : 'unknown');
  if ('error' in next) throw errorOf(next.error);
  return next.output;
}

/** A call that takes longer than it may is stopped by its timeout, as a real one. */
async function takeTime(
  { takesMs }: ScriptedOutput,
  { clock, signal }: StepContext,
  happened: 'nothing' | 'unknown',
): Promise<void> {
  if (takesMs === 0) return;
  try {
    await clock.sleep(takesMs, signal);
  } catch (cause) {
    const isTimeout = signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';
    throw new StepError(isTimeout ? 'timeout' : 'aborted', isTimeout ? 'its time was up' : 'it was stopped', { happened, cause });
  }
}

function errorOf({ code, message, happened }: Extract<ScriptedOutput, { error: object }>['error']): StepError {
  return new StepError(code, message, { happened });
}

function isOfAnyCall({ when, connection }: Script): boolean {
  return connection === undefined && Object.keys(when).length === 0;
}
