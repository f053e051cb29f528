import { probe, type ProbedAlert } from './prober.ts';
import type { FollowedIncident, Stage } from './stage.ts';

export interface PlayedIncident {
  /** The rule whose incident is followed. */
  readonly rule: string;
  readonly alert: ProbedAlert;
  /** What is being watched, as the first column names it. */
  readonly system: string;
  readonly isSick: () => Promise<boolean>;
  /** What the prober sees when the system is sick, and when it is well again. */
  readonly sick: () => string;
  readonly well: () => string;
  readonly isOver: (incident: FollowedIncident) => boolean;
}

/** Probes a system and tells what happens to it, and what the daemon makes of it, until the incident is over. */
export async function playIncident({ daemon, tell }: Stage, played: PlayedIncident): Promise<FollowedIncident> {
  const stop = new AbortController();
  const onChange = (isFiring: boolean): void => {
    tell(played.system, isFiring ? played.sick() : played.well());
    tell(
      'prober',
      `sends Alertmanager's webhook: ${played.alert.labels['alertname'] ?? ''} is ${isFiring ? 'firing' : 'resolved'}`,
    );
  };
  const probing = probe(daemon, played.alert, played.isSick, onChange, stop.signal);
  try {
    // A prober that fails ends the act, not only itself.
    return await Promise.race([
      daemon.follow(played.rule, played.isOver, tell),
      probing.then(() => new Promise<never>(() => undefined)),
    ]);
  } finally {
    stop.abort();
    await probing.catch(() => undefined);
  }
}

/** Verified, every alert over, and people told so. */
export function isVerifiedAndResolved({ status, runs, notifications }: FollowedIncident): boolean {
  const isVerified = runs.length > 0 && runs.every((run) => run.outcome === 'verified');
  return status === 'resolved' && isVerified && wasTold(notifications, 'message');
}

/** Whether people know everything in every place, and one of the places is of this kind. */
export function wasTold(notifications: FollowedIncident['notifications'], purpose: 'message' | 'page'): boolean {
  return notifications.some((each) => each.purpose === purpose) && notifications.every((each) => each.state === 'told');
}
