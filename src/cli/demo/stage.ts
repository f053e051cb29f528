import * as z from 'zod';
import type { IncidentDetailView } from '../incident-view.ts';

/** Prints a part of the story, in one line or more; the time is now unless given. */
export type Tell = (who: string, text: string, at?: Date) => void;

/** What the API says of the message about an incident in one place. */
export const notificationView = z.object({ channel: z.string(), purpose: z.string(), state: z.string() });

/** An incident, and whether people were told of it. */
export interface FollowedIncident extends IncidentDetailView {
  readonly notifications: readonly z.infer<typeof notificationView>[];
}

/** The real daemon, as a process of its own. */
export interface DemoDaemon {
  readonly url: string;
  /** Sends a webhook to it as Alertmanager would. */
  sendWebhook(body: object): Promise<void>;
  /** Tells the story of a rule's incident as the daemon has it, line by line, until it is as it should be; approves what it asks for. */
  follow(rule: string, isOver: (incident: FollowedIncident) => boolean, tell: Tell): Promise<FollowedIncident>;
}

/** What an act is played on. */
export interface Stage {
  readonly daemon: DemoDaemon;
  readonly tell: Tell;
}
