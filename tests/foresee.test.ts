import type { AnyRemediation, StepContext } from '../src/domain/remediation.ts';
import { StepError } from '../src/domain/remediation.ts';
import type { Step } from '../src/domain/rule.ts';
import { ExpressionError } from '../src/domain/scope.ts';
import type { CallRunner } from '../src/pipeline/dry-walk.ts';
import { foresee } from '../src/pipeline/foresee.ts';
import { Stage } from './reducer/stage.ts';
import { buildRule, buildRung, buildStep, callOf, condition, listTemplate, stubRemediation } from './support/build-rule.ts';
import { VirtualClock } from '../src/rule-tests/virtual-clock.ts';

const asked = buildStep('asked', stubRemediation('stub.change'));

/** A remediation of a system, which writes down what is asked of it. */
function recording(name: string, effect: 'read' | 'change', calls: string[], more: Partial<AnyRemediation> = {}): AnyRemediation {
  return {
    ...stubRemediation(name, effect),
    connection: 'docker',
    plan: (params) => {
      calls.push(`plan ${name}`);
      return Promise.resolve({ summary: `do ${name}`, identity: { name, ...params }, touches: [], data: null });
    },
    run: () => {
      calls.push(`run ${name}`);
      return Promise.resolve({ ok: false });
    },
    ...more,
  };
}

/** The steps that are foreseen behind the first one, which is about to be asked for. */
async function foreseen(steps: readonly Step[], { clock = new VirtualClock(), callMs = 0 } = {}) {
  const rule = buildRule({ mode: 'approve', rungs: [buildRung([asked, ...steps])] });
  const stage = new Stage([rule]);
  stage.fire();
  stage.planned();
  const runCall: CallRunner = async (call, work) => {
    await clock.advance(Math.min(callMs, call.timeoutMs));
    if (callMs > call.timeoutMs) throw new StepError('timeout', 'its time is up', { happened: 'nothing' });
    const context: Partial<StepContext> = { timeoutMs: call.timeoutMs };
    return await work(context as StepContext);
  };
  return await foresee({ run: stage.run, steps: stage.state.steps }, rule, '0:steps/asked', runCall, clock);
}

test('the changes to come are planned and not done, each round of them', async () => {
  const calls: string[] = [];
  const change = recording('change', 'change', calls);
  const each = buildStep(
    'each',
    callOf(change, ({ item }) => ({ item: item ?? null })),
    {
      forEach: listTemplate('list', () => ['x', 'y']),
    },
  );
  expect(await foreseen([each, buildStep('last', change)])).toEqual([
    step('each[0]', { item: 'x' }),
    step('each[1]', { item: 'y' }),
    step('last', {}),
  ]);
  expect(calls).toEqual(['plan change', 'plan change', 'plan change']);
});

function step(id: string, params: Readonly<Record<string, string>>) {
  const identity = { name: 'change', ...params };
  return { address: `0:steps/${id}`, uses: 'change', connection: null, params, identity, summary: 'do change' };
}

test('reading steps are read, and what fails before the change is made may succeed after it', async () => {
  const calls: string[] = [];
  const isOk = condition('output.ok', ({ output }) => output?.['ok'] === true);
  const found = await foreseen([
    buildStep('up', recording('read', 'read', calls), { expect: isOk, withinMs: 60_000 }),
    buildStep('last', recording('change', 'change', calls)),
  ]);
  expect(found.map(({ address }) => address)).toEqual(['0:steps/last']);
  expect(calls).toEqual(['plan read', 'run read', 'plan change']);
});

test('what cannot be planned yet is left out, and the steps behind it are not', async () => {
  const calls: string[] = [];
  const change = recording('change', 'change', calls);
  const missing = (): never => {
    throw new ExpressionError('missing_value', 'steps.asked.output has no such value');
  };
  const found = await foreseen([
    buildStep('needs_output', callOf(change, missing)),
    buildStep('needs_condition', change, { if: condition('steps.asked.output.done', missing) }),
    buildStep('gone', recording('gone', 'change', calls, { plan: () => Promise.reject(new Error('it is down')) })),
    buildStep('last', change),
  ]);
  expect(found.map(({ address }) => address)).toEqual(['0:steps/last']);
});

test('nothing is waited for and nobody is told', async () => {
  const calls: string[] = [];
  const found = await foreseen([
    buildStep('wait', recording('wait', 'read', calls, { connection: undefined })),
    buildStep('last', recording('change', 'change', calls)),
  ]);
  expect(found).toHaveLength(1);
  expect(calls).toEqual(['plan change']);
});

test('it takes no longer than people may wait for their question', async () => {
  const clock = new VirtualClock();
  const slow = Array.from({ length: 10 }, (_, index) => buildStep(`slow${index}`, recording('change', 'change', [])));
  const found = await foreseen(slow, { clock, callMs: 12_000 });
  expect(found).toHaveLength(2);
  expect(clock.monotonic()).toBe(30_000);
});
