import fc from 'fast-check';
import { copyLabels } from '../../src/domain/alert.ts';
import type { Rule } from '../../src/domain/rule.ts';
import type { TimelineEntry } from '../../src/domain/state.ts';
import { batchesOf, runRuleTest } from '../../src/rule-tests/run-rule-test.ts';
import type { RuleTest, TestAlert } from '../../src/rule-tests/rule-test.ts';
import { ScriptedRemediations } from '../../src/rule-tests/scripted-remediations.ts';
import { TestDaemon } from '../../src/rule-tests/test-daemon.ts';
import { MINUTE, SECOND, Stage } from '../reducer/stage.ts';
import { buildPlan, buildRule, buildRuleSet, buildRung, buildStep, stubRemediation } from '../support/build-rule.ts';
import { OPEN_LIMITS } from '../support/memory-world.ts';

const START_AT = new Stage([]).now;
const RUNS = 24;
const LAST_MS = 3 * 60 * MINUTE;

const remediations = new ScriptedRemediations(new Map([['stub.change', stubRemediation('stub.change')]]));
const change = remediations.remediations.get('stub.change') ?? stubRemediation('stub.change');

interface Story {
  readonly delayMs: number;
  readonly cooldownMs: number;
  readonly resolvedWithinMs: number;
  readonly callMs: number;
  readonly alerts: readonly { readonly atMs: number; readonly name: string; readonly status: 'firing' | 'resolved' }[];
}

const instant = (mostMs: number) => fc.integer({ min: 0, max: mostMs / SECOND }).map((seconds) => seconds * SECOND);
const stories: fc.Arbitrary<Story> = fc.record({
  delayMs: instant(5 * MINUTE),
  cooldownMs: instant(60 * MINUTE),
  resolvedWithinMs: instant(2 * MINUTE),
  callMs: instant(30 * MINUTE),
  alerts: fc.array(
    fc.record({
      atMs: instant(LAST_MS),
      name: fc.constantFrom('a', 'b'),
      status: fc.constantFrom('firing', 'firing', 'resolved'),
    }),
    { minLength: 1, maxLength: 8 },
  ),
});

function ruleOf({ delayMs, cooldownMs, resolvedWithinMs, callMs }: Story): Rule {
  const rungs = [
    { afterMs: callMs, unless: ['acknowledged', 'verified'] as const, notify: { pagerduty: 'prod' } },
    { afterMs: 2 * callMs + MINUTE, unless: [], notify: { slack: '#all' } },
  ];
  const plan = buildPlan({ rungs, responseTimeMs: callMs + 7 * SECOND, updateEveryMs: 17 * MINUTE });
  return buildRule({
    delayMs,
    rungs: [buildRung([buildStep('restart', change)])],
    verify: { checks: [], stableForMs: 0, resolvedWithinMs, needsResolved: true },
    safety: { cooldownMs },
    responseTo: () => plan,
  });
}

function testOf(story: Story, rule: Rule): RuleTest {
  const place = { file: 'it', line: 1, column: 1 };
  return {
    name: 'it',
    place,
    startAt: START_AT,
    world: {
      rules: buildRuleSet([rule]),
      remediations,
      limits: { ...OPEN_LIMITS, bodyBytes: 0 },
      defaultChannel: '#ops',
      slackIds: new Map(),
    },
    alerts: story.alerts.map(({ atMs, name, status }): TestAlert => {
      const labels = copyLabels({ alertname: 'Down', name });
      return { atMs, status, labels, annotations: copyLabels({}), groupLabels: copyLabels({ name }) };
    }),
    scripts: [{ remediation: change, place, when: {}, connection: undefined, outputs: [{ output: {}, takesMs: 0 }] }],
    acts: [],
    expectations: [],
  };
}

type Line = readonly [at: number, kind: string, reason: string | null, text: string];

/** A story without what says nothing of time: ids, the order within an instant. */
function linesOf(timeline: readonly TimelineEntry[]): readonly Line[] {
  return timeline
    .map(({ at, kind, reason, text }): Line => {
      const shown = text.replaceAll(/\binc[-_]\d+/g, 'inc').replaceAll('change it', 'stub.change');
      return [at - START_AT, kind, reason, shown];
    })
    .toSorted((a, b) => a[0] - b[0] || (a[3] < b[3] ? -1 : 1));
}

/** What the daemon of rule tests makes of a story. */
async function playOnDaemon(test: RuleTest): Promise<readonly Line[]> {
  remediations.play(test.scripts);
  const daemon = new TestDaemon(test.world, test.startAt);
  await daemon.start();
  for (const batch of batchesOf(test)) void daemon.clock.sleep(batch.receivedAt - START_AT).then(() => daemon.accept(batch));
  await daemon.passTo(LAST_MS);
  const details = await Promise.all((await daemon.incidents()).map(({ id }) => daemon.incidentDetail(id)));
  await daemon.stop();
  return linesOf(details.flatMap((detail) => detail?.timeline ?? []));
}

/** What the reducer makes of it when every row is woken at the instant at which it is due. */
function playOnStage(test: RuleTest, rule: Rule): readonly Line[] {
  const stage = new Stage([rule], {}, { defaultChannel: '#ops' });
  const work = (): void => {
    stage.wake();
    while (stage.underWay.length > 0) {
      if (stage.underWay[0] === 'plan') stage.planned({ touches: [] });
      else stage.succeed('act');
    }
  };
  /** Wakes what is due until an instant, or before it: what comes from outside at it goes first. */
  const passTo = (until: number): void => {
    for (;;) {
      work();
      const next = Math.min(...[...stage.state.runs, ...stage.state.incidents].flatMap(({ wakeAt }) => wakeAt ?? []));
      if (next > until) break;
      stage.now = Math.max(stage.now, next);
    }
  };
  const batches = batchesOf(test);
  batches.forEach(({ receivedAt, groupLabels, alerts }, index) => {
    if (batches[index - 1]?.receivedAt !== receivedAt) passTo(receivedAt - 1);
    stage.now = receivedAt;
    for (const { status, labels, startsAt, endsAt } of alerts) {
      const times = { source: 'test', groupLabels, startsAt, isBusy: true };
      if (status === 'firing') stage.fire(labels, times);
      else stage.resolve(labels, { ...times, ...(endsAt === undefined ? {} : { endsAt }) });
    }
  });
  passTo(START_AT + LAST_MS);
  return linesOf(stage.timeline.filter(({ incidentId }) => incidentId !== null));
}

test('jumping from one due row to the next misses none of them, and none comes early', async () => {
  await fc.assert(
    fc.asyncProperty(stories, async (story) => {
      const rule = ruleOf(story);
      const played = testOf(story, rule);
      expect(await playOnDaemon(played)).toEqual(playOnStage(played, rule));
    }),
    { numRuns: RUNS },
  );
});

test('the same test is the same story', async () => {
  await fc.assert(
    fc.asyncProperty(stories, async (story) => {
      const played = testOf(story, ruleOf(story));
      expect(await playOnDaemon(played)).toEqual(await playOnDaemon(played));
      expect((await runRuleTest(played)).failures).toEqual([]);
    }),
    { numRuns: RUNS / 4 },
  );
});
