import type { Clock } from '../domain/clock.ts';
import type { RuleSet } from '../domain/rule.ts';
import type { Settings } from '../domain/settings.ts';
import type { Store } from '../domain/store.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { createHeartbeat } from './heartbeat.ts';
import { createReconciliation } from './reconcile-alertmanagers.ts';
import { createMaintenanceWindows } from './maintenance-windows.ts';
import { createPauseReminder } from './pause-reminder.ts';
import { createRetention } from './retention.ts';
import { createStaleness } from './staleness.ts';
import { createTick } from './tick.ts';

export interface ScheduleDeps {
  readonly store: Store;
  readonly pipeline: Pick<Pipeline, 'apply'>;
  readonly clock: Clock;
  /** The settings that are live. */
  readonly settings: () => Pick<Settings, 'connections' | 'limits' | 'store' | 'timeIntervals' | 'slack'>;
  /** The rules that are live. */
  readonly rules: () => RuleSet;
  /** Tells people. */
  readonly onReminder: (text: string) => Promise<void>;
  /** What people should hear of maintenance windows is in the outbox. */
  readonly onWindowNews: (texts: readonly string[]) => void;
  readonly onFault: (message: string, error: unknown) => void;
}

export interface Schedules {
  /** Resolves once every round that is under way has ended. May be called twice. */
  stop(): Promise<void>;
}

/** Starts the work that no event asks for. */
export function startSchedules(deps: ScheduleDeps): Schedules {
  const { settings } = deps;
  const loops = [
    createHeartbeat(deps),
    createTick(deps),
    createPauseReminder(deps),
    createMaintenanceWindows(deps),
    createReconciliation({
      ...deps,
      connections: () => settings().connections.filter((connection) => connection.kind === 'alertmanager'),
    }),
    createStaleness({ ...deps, staleAfterMs: () => settings().limits.staleAfterMs }),
    createRetention({ ...deps, retentionMs: () => settings().store.retentionMs }),
  ];
  for (const loop of loops) loop.start();
  return {
    stop: async () => {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}
