import { copyLabels } from '../domain/alert.ts';
import type { CronTimes } from '../domain/cron-times.ts';
import type { Rule, RuleSchedule } from '../domain/rule.ts';
import type { ScheduleState, SkipReason } from '../domain/state.ts';
import { newRun } from './create-run.ts';
import type { DecisionContext } from './decision-context.ts';
import { renderValue } from './render-value.ts';
import { defaultParams } from './rule-params.ts';
import { scopeOfMessage } from './scope-of-message.ts';
import { tell } from './story.ts';
import { TICK_GRACE_MS, WRONG_CLOCK_MS } from './timing.ts';
import type { World } from './world.ts';

/** How many missed ticks are counted one by one; of a year of minutes nobody needs the number. */
const MOST_COUNTED = 10_000;
const HOUR_MS = 60 * 60_000;

/** A rule that is live and has a schedule. */
interface ScheduledRule {
  readonly rule: Rule;
  readonly schedule: RuleSchedule;
}

/** A rule that is new, or has new times, begins now; one that is gone leaves nothing behind. */
export function syncSchedules(world: World, context: DecisionContext): void {
  const scheduled = scheduledRules(context);
  const names = new Set(scheduled.map(({ rule }) => rule.name));
  for (const { name } of world.schedules()) if (!names.has(name)) world.removeSchedule(name);
  for (const { rule, schedule } of scheduled) {
    const known = world.schedule(rule.name);
    if (known?.digest === schedule.digest && !isOfWrongClock(known, schedule, context.now)) continue;
    const nextAt = schedule.times.nextAfter(context.now) ?? null;
    world.putSchedule({ ...(known ?? newSchedule(rule.name)), digest: schedule.digest, nextAt, lastAt: null });
  }
}

/** Takes the ticks that are due: each is gone with the transaction that makes its run. */
export function takeTicks(world: World, context: DecisionContext): void {
  syncSchedules(world, context);
  for (const scheduled of scheduledRules(context)) {
    const known = world.schedule(scheduled.rule.name);
    if (known?.nextAt != null && known.nextAt <= context.now)
      takeTicksOf(world, scheduled, { ...known, nextAt: known.nextAt }, context);
  }
}

function scheduledRules({ rules }: DecisionContext): readonly ScheduledRule[] {
  return rules.rules.flatMap((rule) => (rule.schedule === undefined ? [] : [{ rule, schedule: rule.schedule }]));
}

function newSchedule(name: string): Omit<ScheduleState, 'digest' | 'nextAt' | 'lastAt'> {
  return {
    kind: 'rule',
    name,
    liveRunId: null,
    lastRunId: null,
    lastRunAt: null,
    lastOutcome: null,
    lastSkipAt: null,
    lastSkipReason: null,
  };
}

/** Before the first tick was taken there is none that could be taken twice: then any tick that is due earlier tells. */
function isOfWrongClock({ lastAt, nextAt }: ScheduleState, { times }: RuleSchedule, now: number): boolean {
  if (lastAt !== null) return lastAt > now + WRONG_CLOCK_MS;
  return nextAt !== null && nextAt > (times.nextAfter(now) ?? Infinity);
}

function takeTicksOf(
  world: World,
  { rule, schedule }: ScheduledRule,
  known: ScheduleState & { readonly nextAt: number },
  context: DecisionContext,
): void {
  const { now } = context;
  const { times, catchUpMs } = schedule;
  const newest = newestTick(times, known.nextAt, now);
  const count = countTicks(times, known.nextAt, newest);
  const isMissed = now - newest > Math.max(catchUpMs, TICK_GRACE_MS);
  world.putSchedule({ ...known, nextAt: times.nextAfter(now) ?? null, lastAt: newest });
  const missed = isMissed ? count : count - 1;
  if (missed > 0) {
    const dueAt = isMissed ? newest : newestTick(times, known.nextAt, newest - 1);
    skipTick(world, rule.name, { reason: 'missed', detail: 'nobody was there when it was due', count: missed, dueAt });
  }
  if (!isMissed) makeRun(world, rule, newest, context);
}

/** Makes the pending run of a tick; the gates judge it next. */
function makeRun(world: World, rule: Rule, dueAt: number, context: DecisionContext): void {
  const { now } = context;
  const known = world.schedule(rule.name);
  const before = known?.liveRunId == null ? undefined : world.run(known.liveRunId);
  if (before !== undefined && (before.state === 'pending' || before.state === 'held') && before.startedAt === null)
    return skipTick(world, rule.name, { reason: 'target_busy', detail: `run ${before.id} waits already`, count: 1, dueAt });
  const labels = copyLabels({});
  const params = defaultParams(rule);
  const target =
    rule.target === undefined
      ? { missing: 'the rule has none' }
      : renderValue(rule.target, { ...scopeOfMessage(undefined, labels, now), params });
  if ('missing' in target)
    return skipTick(world, rule.name, {
      reason: 'missing_value',
      detail: `its target has no value: ${target.missing}`,
      count: 1,
      dueAt,
    });
  const run = newRun(
    rule,
    {
      incidentId: null,
      lineId: null,
      lineEpisode: 0,
      target: target.value,
      severityRank: rule.severityOf(labels).rank,
      delayFrom: dueAt,
      params,
    },
    { trigger: 'schedule', actor: null },
    context,
  );
  world.putRun(run);
  tell(world, null, now, 'run_created', `${run.target}: ${rule.name} is due by its schedule`, { runId: run.id });
  if (known !== undefined) world.putSchedule({ ...known, liveRunId: run.id });
}

/** Counts a tick that comes to nothing, and leaves word of it. */
export function skipTick(
  world: World,
  rule: string,
  skip: {
    readonly reason: SkipReason;
    readonly detail: string;
    readonly count: number;
    readonly dueAt: number;
    readonly runId?: string;
  },
): void {
  const known = world.schedule(rule);
  if (known !== undefined) world.putSchedule({ ...known, lastSkipAt: skip.dueAt, lastSkipReason: skip.reason });
  world.signals.push({ kind: 'schedule_skipped', rule, runId: null, ...skip });
}

/** The newest tick that is not later than now; `first` is one of them. Looks back in growing steps, so that a long absence costs little. */
function newestTick(times: CronTimes, first: number, now: number): number {
  for (let backMs = HOUR_MS; now - backMs > first; backMs *= 2) {
    const tick = times.nextAfter(now - backMs);
    if (tick !== undefined && tick <= now) return lastUntil(times, tick, now);
  }
  return lastUntil(times, first, now);
}

function lastUntil(times: CronTimes, first: number, now: number): number {
  let last = first;
  for (let tick = times.nextAfter(first); tick !== undefined && tick <= now; tick = times.nextAfter(tick)) last = tick;
  return last;
}

/** How many ticks there are from `first` to `last`, both included; at most `MOST_COUNTED`. */
function countTicks(times: CronTimes, first: number, last: number): number {
  let count = 1;
  for (let tick: number | undefined = first; tick !== undefined && tick < last && count < MOST_COUNTED; count += 1)
    tick = times.nextAfter(tick);
  return count;
}
