import type { Clock } from '../domain/clock.ts';
import type { AlertmanagerConnection } from '../domain/connection.ts';
import { REPORTED_SOURCE } from '../domain/reported-alert.ts';
import type { AlertContent, Episode } from '../domain/state.ts';
import type { Store } from '../domain/store.ts';
import type { AlertLook } from '../pipeline/event.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { identityOf, viewAlertmanager, type AlertmanagerView } from './alertmanager-api.ts';
import { Loop } from './loop.ts';

const INTERVAL_MS = 20_000;
/** An Alertmanager forgets its alerts when it restarts, and Prometheus tells it again within minutes. */
const SETTLED_AFTER_MS = 10 * 60_000;
/** How many alerts are compared in one round, the longest unheard of first. */
const MAX_EPISODES = 10_000;
/** How many looks one event holds. */
const BATCH = 500;

export interface ReconcileDeps {
  readonly connections: () => readonly AlertmanagerConnection[];
  readonly store: Pick<Store, 'counts' | 'firingSince'>;
  readonly pipeline: Pick<Pipeline, 'apply'>;
  readonly clock: Clock;
  readonly onFault: (message: string, error: unknown) => void;
}

/** While incidents are open: asks every configured Alertmanager which of their alerts it still has, and tells the pipeline. */
export function createReconciliation(deps: ReconcileDeps): Loop {
  const { clock, onFault } = deps;
  return new Loop({
    name: 'reconciliation',
    everyMs: INTERVAL_MS,
    clock,
    onFault,
    work: (signal) => reconcileAlertmanagers(deps, signal),
  });
}

/** One round. */
export async function reconcileAlertmanagers(
  { connections, store, pipeline, clock, onFault }: ReconcileDeps,
  signal: AbortSignal,
): Promise<void> {
  const asked = connections();
  if (asked.length === 0 || (await store.counts()).openIncidents.every(({ count }) => count === 0)) return;
  // Only what fired before the Alertmanagers are asked can be missed by their answers.
  const episodes = await store.firingSince(clock.now(), MAX_EPISODES);
  const answers = await Promise.allSettled(asked.map((connection) => viewAlertmanager(connection, signal)));
  if (signal.aborted) return;
  for (const answer of answers)
    if (answer.status === 'rejected') onFault('an Alertmanager cannot be asked about its alerts', answer.reason);
  const views = answers.filter((answer) => answer.status === 'fulfilled').map((answer) => answer.value);
  const haveAllAnswered = views.length === asked.length;
  const isComplete = haveAllAnswered && views.every((view) => clock.now() - view.upSince > SETTLED_AFTER_MS);
  const looks = episodes
    .map((episode) => lookAt(episode, views, { haveAllAnswered, isComplete }))
    .filter((look) => look !== undefined);
  for (let start = 0; start < looks.length || (start === 0 && isComplete); start += BATCH) {
    const isLast = start + BATCH >= looks.length;
    await pipeline.apply({ kind: 'reconciled', looks: looks.slice(start, start + BATCH), complete: isComplete && isLast });
  }
}

/**
 * What the answers say of an alert, where it is news. Being active is certain whoever says so, being suppressed when all
 * have answered, and being absent only when all of them have been up for long enough as well.
 */
function lookAt(
  episode: Episode & AlertContent,
  views: readonly AlertmanagerView[],
  { haveAllAnswered, isComplete }: { readonly haveAllAnswered: boolean; readonly isComplete: boolean },
): AlertLook | undefined {
  if (episode.source === REPORTED_SOURCE) return undefined;
  const identity = identityOf(episode.labels);
  const seen = views.map((view) => view.alerts.get(identity)).filter((alert) => alert !== undefined);
  const { alertKey } = episode;
  const isDoubtful = episode.absentSince !== null || episode.unconfirmedUntil !== null;
  if (seen.some((alert) => !alert.suppressed)) return episode.suppressed || isDoubtful ? { alertKey, seen: 'active' } : undefined;
  if (seen.length === 0) return isComplete ? { alertKey, seen: 'absent' } : undefined;
  return haveAllAnswered && (!episode.suppressed || isDoubtful) ? { alertKey, seen: 'suppressed' } : undefined;
}
