import type { Outcome } from './reason.ts';
import type { Trigger } from './state.ts';

/** An ended run, as far as reports look at it. Instants are epoch milliseconds. */
export interface ReportedRun {
  readonly id: string;
  readonly rule: string;
  readonly target: string;
  readonly trigger: Trigger;
  readonly outcome: Outcome;
  readonly reason: string | null;
  /** 0: the rule's own playbook; else the number of the fallback that it ended with. */
  readonly rung: number;
  /** Verified, and the same alert came back soon after. */
  readonly recurred: boolean;
  /** Whether it has changed something. */
  readonly acted: boolean;
  readonly endedAt: number;
  /** The gates that held it at any time, each once. */
  readonly heldFor: readonly string[];
}

/** An incident, as far as reports look at it. */
export interface ReportedIncident {
  readonly id: string;
  readonly rule: string;
  readonly severity: string;
  readonly startedAt: number;
  readonly acknowledgedAt: number | null;
  readonly resolvedAt: number | null;
  /** Whether it was closed because all its alerts resolved; not as stale, nor by a person. */
  readonly isFixed: boolean;
  /** Whether a run of it has changed something, and whether one of those was verified. */
  readonly acted: boolean;
  readonly verified: boolean;
  /** Whether PagerDuty was called and took it. */
  readonly paged: boolean;
}
