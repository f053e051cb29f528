import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RuleSet } from '../../src/domain/rule.ts';
import { QUIET_MS, RuleWatch, tooManyVanished } from '../../src/rules/rule-watch.ts';
import { load } from '../support/rule-settings.ts';

/** A clock whose sleeps end when the test says so. */
class ManualSleep {
  readonly sleeps: { readonly ms: number; readonly signal: AbortSignal | undefined; readonly wake: () => void }[] = [];
  #onSleep: (() => void) | undefined;

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
      this.sleeps.push({ ms, signal, wake: resolve });
      this.#onSleep?.();
    });
  }

  async atLeast(count: number): Promise<void> {
    while (this.sleeps.length < count) await new Promise<void>((resolve) => (this.#onSleep = resolve));
  }
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remedyd-rules-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a change is told after some quiet, and only once for several', async () => {
  const clock = new ManualSleep();
  let told = 0;
  const heard = Promise.withResolvers<undefined>();
  const watch = new RuleWatch([folder], clock, () => {
    told += 1;
    heard.resolve(undefined);
  });
  await watch.start();
  try {
    await writeFile(join(folder, 'a.yml'), 'rules: []');
    await clock.atLeast(1);
    await writeFile(join(folder, 'b.yml'), 'rules: []');
    await clock.atLeast(2);
    const [first] = clock.sleeps;
    const last = clock.sleeps.at(-1);
    expect(first?.ms).toBe(QUIET_MS);
    expect(first?.signal?.aborted).toBe(true);
    expect(told).toBe(0);
    last?.wake();
    await heard.promise;
    expect(told).toBe(1);
  } finally {
    await watch.stop();
  }
});

function ruleSet(count: number): RuleSet {
  const rules = Array.from({ length: count }, (_, index) => `{ name: r${index}, matchers: ['x = "${index}"'] }`);
  const loaded = load(`rules: [${rules.join(', ')}]`).ruleSet;
  if (loaded === undefined) throw new Error('not loaded');
  return loaded;
}

test('rules that vanish in numbers are not taken without a person', () => {
  expect(tooManyVanished(ruleSet(10), ruleSet(8))).toBeUndefined();
  expect(tooManyVanished(ruleSet(10), ruleSet(7))).toContain('3 of 10 rules vanished');
  expect(tooManyVanished(ruleSet(0), ruleSet(0))).toBeUndefined();
});
