import type { DueNotification } from '../domain/store.ts';

/** What decides who goes first. */
export interface Urgency {
  /** Pages before messages. */
  readonly isPage: boolean;
  /** 0 is the most urgent. */
  readonly severityRank: number;
  /** What nobody has heard of yet goes before the details of what people know. */
  readonly isNew: boolean;
  /** Of equals the oldest goes first. */
  readonly createdAt: number;
}

/** The figures of a bundle change all the time while a storm lasts: once it was posted, it holds up nothing else. */
export function urgencyOf({ notification: { purpose, told, createdAt }, severityRank }: DueNotification): Urgency {
  const isFigures = purpose === 'bundle' && told !== null;
  return {
    isPage: purpose === 'page',
    severityRank: isFigures ? Number.MAX_SAFE_INTEGER : severityRank,
    isNew: told === null,
    createdAt,
  };
}

/** For sorting: negative when `a` goes first. */
export function compareUrgency(a: Urgency, b: Urgency): number {
  return (
    Number(b.isPage) - Number(a.isPage) ||
    a.severityRank - b.severityRank ||
    Number(b.isNew) - Number(a.isNew) ||
    a.createdAt - b.createdAt
  );
}
