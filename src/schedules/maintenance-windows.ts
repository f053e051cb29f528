import { hash } from 'node:crypto';
import { copyLabels } from '../domain/alert.ts';
import type { Clock } from '../domain/clock.ts';
import { newNotice } from '../domain/new-notice.ts';
import type { Rule, RuleSet } from '../domain/rule.ts';
import type { NamedTimeInterval, Settings } from '../domain/settings.ts';
import type { Notification, ScheduleState } from '../domain/state.ts';
import { NO_CHANGES, type Store } from '../domain/store.ts';
import { lookAtWindows, NO_END, WINDOW_PHASES, type WindowNews, type WindowTold } from '../domain/window-news.ts';
import { choosePlaces } from '../pipeline/notify-places.ts';
import { defaultParams } from '../pipeline/rule-params.ts';
import { scopeOfMessage } from '../pipeline/scope-of-message.ts';
import { Loop } from './loop.ts';

const INTERVAL_MS = 30_000;
/** So often there is a look at a window in any case: when it is next due was perhaps reckoned by a wrong clock. */
const LONGEST_REST_MS = 86_400_000;

export interface MaintenanceWindowsDeps {
  readonly store: Pick<Store, 'schedules' | 'transact'>;
  readonly clock: Clock;
  /** The rules that are live. */
  readonly rules: () => RuleSet;
  /** The settings that are live. */
  readonly settings: () => Pick<Settings, 'timeIntervals' | 'slack'>;
  /** Texts for people are in the outbox. */
  readonly onWindowNews: (texts: readonly string[]) => void;
  readonly onFault: (message: string, error: unknown) => void;
}

/** Tells people when the automation of rules is about to be muted, is muted, and acts again. */
export function createMaintenanceWindows(deps: MaintenanceWindowsDeps): Loop {
  const { clock, onFault } = deps;
  return new Loop({ name: 'maintenance windows', everyMs: INTERVAL_MS, clock, onFault, work: () => tellOfWindows(deps) });
}

/** One round: what is due is put into the outbox, each text once. */
export async function tellOfWindows({ store, clock, rules, settings, onWindowNews }: MaintenanceWindowsDeps): Promise<void> {
  const now = clock.now();
  const known = new Map((await store.schedules('window')).map((row) => [row.name, row]));
  for (const window of windowsOf(rules(), settings())) {
    const row = known.get(window.interval.name);
    if (row?.digest === window.digest && isResting(row, now)) continue;
    const texts = await store.transact(async (tx) => {
      const current = (await tx.schedules('window')).find(({ name }) => name === window.interval.name);
      const told = current?.digest === window.digest ? toldOf(current) : null;
      const { interval, announceMs } = window.interval;
      const look = lookAtWindows(interval, announceMs, told, now);
      const notices = look.news.map((news) => ({ news, text: describe(news, window) }));
      await tx.save({
        ...NO_CHANGES,
        schedules: [rowOf(window, look.told, look.nextAt, now)],
        notifications: notices.flatMap(({ news, text }) => noticesOf(window, news, text, now)),
      });
      return notices.map(({ text }) => text);
    });
    if (texts.length > 0) onWindowNews(texts);
  }
}

function isResting({ nextAt }: ScheduleState, now: number): boolean {
  return nextAt !== null && nextAt > now && nextAt <= now + LONGEST_REST_MS;
}

/** A time interval that mutes rules with steps, and where their people are. */
interface MaintenanceWindow {
  readonly interval: NamedTimeInterval;
  readonly digest: string;
  readonly rules: number;
  /** Of Slack. */
  readonly places: readonly string[];
}

function windowsOf(rules: RuleSet, settings: Pick<Settings, 'timeIntervals' | 'slack'>): readonly MaintenanceWindow[] {
  return [...settings.timeIntervals.values()].flatMap((interval) => {
    const muted = rules.rules.filter(({ mutedBy, rungs }) => rungs.length > 0 && mutedBy.includes(interval.name));
    if (muted.length === 0 || interval.announceMs === 0) return [];
    const places = new Set(muted.flatMap((rule) => placeOf(rule, settings.slack?.defaultChannel) ?? []));
    return [{ interval, digest: digestOf(interval), rules: muted.length, places: [...places] }];
  });
}

/** Where a rule's messages go when no alert says more. */
function placeOf(rule: Rule, defaultChannel: string | undefined): string | undefined {
  const labels = copyLabels({});
  const plan = rule.responseTo(rule.severityOf(labels).name);
  return choosePlaces(rule, plan, defaultChannel, () => ({
    ...scopeOfMessage(undefined, labels, 0),
    params: defaultParams(rule),
  })).targets.slack;
}

function digestOf({ definition, announceMs }: NamedTimeInterval): string {
  return hash('sha256', JSON.stringify([definition, announceMs]), 'hex');
}

function toldOf({ lastAt, lastOutcome }: ScheduleState): WindowTold | null {
  const phase = WINDOW_PHASES.find((known) => known === lastOutcome);
  return lastAt === null || phase === undefined ? null : { endAt: lastAt, phase };
}

function rowOf({ interval, digest }: MaintenanceWindow, told: WindowTold | null, nextAt: number, now: number): ScheduleState {
  return {
    kind: 'window',
    name: interval.name,
    digest,
    nextAt: Math.min(Math.max(nextAt, now + 1), now + LONGEST_REST_MS),
    lastAt: told?.endAt ?? null,
    liveRunId: null,
    lastRunId: null,
    lastRunAt: null,
    lastOutcome: told?.phase ?? null,
    lastSkipAt: null,
    lastSkipReason: null,
  };
}

/** The row of the outbox is named after the window and what is told of it, so that it is told once. */
function noticesOf(
  { interval, places }: MaintenanceWindow,
  news: WindowNews,
  text: string,
  now: number,
): readonly Notification[] {
  const topic = `window/${interval.name}/${news.endAt}/${news.phase}`;
  return places.map((place) => newNotice({ topic, channel: 'slack', place, text }, now));
}

function describe({ beginAt, endAt, phase }: WindowNews, { interval, rules }: MaintenanceWindow): string {
  const whose = `automation of ${rules} ${rules === 1 ? 'rule' : 'rules'}`;
  const end = endAt === NO_END ? 'with no end within a year' : `to ${instant(endAt)}`;
  switch (phase) {
    case 'announced':
      return `maintenance window ${interval.name} from ${instant(beginAt)} ${end}: ${whose} will be muted`;
    case 'begun':
      return `maintenance window ${interval.name} has begun, from ${instant(beginAt)} ${end}: ${whose} is muted`;
    case 'ended':
      return `maintenance window ${interval.name} is over: ${whose} is no longer muted by it`;
  }
}

function instant(at: number): string {
  return new Date(at).toISOString().replace('.000Z', 'Z');
}
