import type { RuleSchedule } from '../domain/rule.ts';

/** How many ticks people are shown. */
const SHOWN = 3;

/** When a rule runs by its schedule, as the command line says it. */
export interface NextTicks {
  readonly cron: string;
  readonly timezone: string;
  /** RFC 3339, in UTC. */
  readonly next: readonly string[];
}

/** The next ticks after an instant (epoch ms). */
export function nextTicks({ times }: RuleSchedule, after: number): NextTicks {
  const next: string[] = [];
  for (let at = times.nextAfter(after); at !== undefined && next.length < SHOWN; at = times.nextAfter(at))
    next.push(new Date(at).toISOString());
  return { cron: times.cron, timezone: times.timezone, next };
}

/** In one line, e.g. `0 2 * * * (UTC): next 2026-11-22T02:00:00.000Z, …`. */
export function formatTicks({ cron, timezone, next }: NextTicks): string {
  return `${cron} (${timezone}): next ${next.join(', ')}`;
}
