import type { IncidentDetailView } from '../incident-view.ts';

/** Prints a line of the story; the time is now unless given. */
export type Tell = (who: string, text: string, at?: Date) => void;

/** The real daemon, as a process of its own. */
export interface DemoDaemon {
  readonly url: string;
  /** Sends a webhook to it as Alertmanager would. */
  sendWebhook(body: object): Promise<void>;
  /** Tells the story of a rule's incident as the daemon has it, line by line, until it is as it should be. */
  follow(rule: string, isOver: (incident: IncidentDetailView) => boolean, tell: Tell): Promise<IncidentDetailView>;
}

/** What an act is played on. */
export interface Stage {
  readonly daemon: DemoDaemon;
  readonly tell: Tell;
}
