import { isDeepStrictEqual } from 'node:util';
import type { AlertBatch, AlertMessage } from '../domain/alert.ts';
import { alertKey } from '../domain/alert.ts';
import { formatDuration } from '../domain/duration.ts';
import { compareExpectation, type Difference } from './compare-expectation.ts';
import { observe, type Observed } from './observe.ts';
import { personEvent } from './person-event.ts';
import type { FilePlace } from './file-place.ts';
import type { Expectation, PersonAct, RuleTest, TestAlert } from './rule-test.ts';
import { TestDaemon } from './test-daemon.ts';

/** Why a test failed, and what was so. */
export type Failure =
  | {
      readonly kind: 'expectation';
      readonly place: FilePlace;
      readonly atMs: number;
      readonly rule: string | undefined;
      readonly target: string | undefined;
      readonly differences: readonly Difference[];
      readonly observed: Observed;
    }
  | { readonly kind: 'act'; readonly place: FilePlace; readonly atMs: number; readonly message: string }
  | { readonly kind: 'fault'; readonly place: FilePlace; readonly message: string };

export interface TestResult {
  readonly test: RuleTest;
  readonly failures: readonly Failure[];
  /** One line each, with its place. */
  readonly warnings: readonly { readonly place: FilePlace; readonly message: string }[];
  /** In real milliseconds. */
  readonly tookMs: number;
}

const SOURCE = 'test';

/** Plays a test on a daemon of its own. What goes wrong is a failure of the test; never throws. */
export async function runRuleTest(test: RuleTest): Promise<TestResult> {
  const began = performance.now();
  const { remediations } = test.world;
  remediations.play(test.scripts);
  const daemon = new TestDaemon(test.world, test.startAt);
  const failures: Failure[] = [];
  try {
    await daemon.start();
    failures.push(...(await play(test, daemon)));
  } catch (error) {
    failures.push({ kind: 'fault', place: test.place, message: describe(error) });
  } finally {
    await daemon.stop();
  }
  const unused = remediations.unused.map(({ place, remediation }) => ({
    place,
    message: `${remediation.name} was never called so`,
  }));
  return { test, failures, warnings: [...unused, ...lateAlerts(test)], tookMs: performance.now() - began };
}

/** Nothing is expected of what comes after the last moment: more likely than not its time is a slip. */
function lateAlerts({ place, alerts, acts, expectations }: RuleTest): TestResult['warnings'] {
  const lastMs = Math.max(...[...acts, ...expectations].map(({ atMs }) => atMs));
  const late = alerts.filter(({ atMs }) => atMs > lastMs).map(({ atMs }) => atMs);
  if (late.length === 0) return [];
  const from = formatDuration(Math.min(...late));
  return [{ place, message: `what comes from ${from} on is not played: the last expectation is at ${formatDuration(lastMs)}` }];
}

async function play(test: RuleTest, daemon: TestDaemon): Promise<readonly Failure[]> {
  const failures: Failure[] = [];
  // What comes from outside at an instant goes before what is due at it: its timers are the first that are set.
  for (const batch of batchesOf(test)) {
    daemon.clock
      .sleep(batch.receivedAt - test.startAt)
      .then(() => daemon.accept(batch))
      .catch((error: unknown) => failures.push({ kind: 'fault', place: test.place, message: describe(error) }));
  }
  const moments = [...test.acts, ...test.expectations].toSorted((a, b) => a.atMs - b.atMs || rank(a) - rank(b));
  for (const moment of moments) {
    await daemon.passTo(moment.atMs);
    const failure = 'act' in moment ? await act(moment, daemon) : await expectNow(moment, daemon);
    if (failure !== undefined) failures.push(failure);
  }
  return failures;
}

/** People act on what is so, and expectations are about what came of it. */
function rank(moment: PersonAct | Expectation): number {
  return 'act' in moment ? 0 : 1;
}

async function act(moment: PersonAct, daemon: TestDaemon): Promise<Failure | undefined> {
  const { place, atMs, definition, actor } = moment;
  const event = await personEvent(moment, daemon);
  const answer = typeof event === 'string' ? { ok: false, text: event } : await daemon.apply(event);
  await daemon.passTo(atMs);
  const isRefused = answer?.ok === false;
  if (isRefused === (definition.refused === true)) return undefined;
  const what = `${actor.person} may not ${moment.act}`;
  const message = isRefused ? `${what}: ${answer.text}` : `expected that ${what}, and it was done: ${answer?.text ?? ''}`;
  return { kind: 'act', place, atMs, message };
}

async function expectNow({ place, atMs, definition }: Expectation, daemon: TestDaemon): Promise<Failure | undefined> {
  const observed = await observe(daemon, definition);
  const differences = compareExpectation(definition, observed);
  if (differences.length === 0) return undefined;
  return { kind: 'expectation', place, atMs, rule: observed.rule, target: definition.target, differences, observed };
}

/** The webhooks of a test: alerts of one instant and one group come together, in the order in which they are written. */
export function batchesOf({ alerts, startAt }: Pick<RuleTest, 'alerts' | 'startAt'>): readonly AlertBatch[] {
  const batches: { receivedAt: number; groupLabels: TestAlert['groupLabels']; alerts: AlertMessage[] }[] = [];
  const startsAt = new Map<string, number>();
  for (const alert of alerts.toSorted((a, b) => a.atMs - b.atMs)) {
    const receivedAt = startAt + alert.atMs;
    const known = batches.find(
      (batch) => batch.receivedAt === receivedAt && isDeepStrictEqual(batch.groupLabels, alert.groupLabels),
    );
    const batch = known ?? { receivedAt, groupLabels: alert.groupLabels, alerts: [] };
    if (known === undefined) batches.push(batch);
    batch.alerts.push(messageOf(alert, receivedAt, startsAt));
  }
  return batches.map((batch) => ({ ...batch, source: SOURCE, truncatedAlerts: 0, quarantined: [], externalUrl: '' }));
}

function messageOf({ status, labels, annotations }: TestAlert, at: number, startsAt: Map<string, number>): AlertMessage {
  const key = alertKey(SOURCE, labels);
  const began = startsAt.get(key) ?? at;
  if (status === 'firing') startsAt.set(key, began);
  else startsAt.delete(key);
  return {
    status,
    labels,
    annotations,
    startsAt: began,
    ...(status === 'resolved' ? { endsAt: at } : {}),
    generatorUrl: '',
    fingerprint: '',
  };
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.stack ?? error.cause.message}` : '';
  return `${error.message}${cause}`;
}
