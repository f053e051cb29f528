import type { Changes } from '../domain/store.ts';

const NOTHING: Changes = {
  newEpisodes: [],
  episodes: [],
  members: [],
  incidents: [],
  lines: [],
  runs: [],
  steps: [],
  claims: [],
  releasedClaims: [],
  breakers: [],
  switches: undefined,
  timeline: [],
  approvals: [],
  notifications: [],
  delivered: [],
  told: [],
  audit: [],
  requests: [],
  ruleSnapshots: [],
  quarantined: [],
  wakeHeld: [],
  wakeAllHeldAt: undefined,
};

/** What the outbox writes; everything else stays as it is. */
export function outboxChanges(changes: Pick<Partial<Changes>, 'notifications' | 'delivered'>): Changes {
  return { ...NOTHING, ...changes };
}
