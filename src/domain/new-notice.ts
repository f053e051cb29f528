import { newNotification } from './new-notification.ts';
import type { Notification, NotificationChannel } from './state.ts';

/** A text of the daemon itself, or of a run without an incident, and where people should read it. */
export interface Notice {
  /** What it is about; the rows of the outbox are named after it. */
  readonly topic: string;
  readonly channel: NotificationChannel;
  readonly place: string;
  readonly text: string;
}

/** The row of the outbox for a notice that nobody was told yet. */
export function newNotice({ topic, channel, place, text }: Notice, now: number): Notification {
  const id = `${noticeIdStart(topic)}:${channel}:${place}`;
  return newNotification({ id, incidentId: null, channel, place, purpose: 'notice', text }, now);
}

/** How the ids of all notices begin whose topics begin so. */
export function noticeIdStart(topicStart: string): string {
  return `notice_${topicStart}`;
}
