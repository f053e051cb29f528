import type { DueNotification } from '../domain/store.ts';

/** What decides who goes first. */
export interface Urgency {
  /** Pages before messages. */
  readonly isPage: boolean;
  /** 0 is the most urgent. */
  readonly severityRank: number;
  /** Of equals the oldest goes first. */
  readonly createdAt: number;
}

export function urgencyOf({ notification, severityRank }: DueNotification): Urgency {
  return { isPage: notification.purpose === 'page', severityRank, createdAt: notification.createdAt };
}

/** For sorting: negative when `a` goes first. */
export function compareUrgency(a: Urgency, b: Urgency): number {
  return Number(b.isPage) - Number(a.isPage) || a.severityRank - b.severityRank || a.createdAt - b.createdAt;
}
