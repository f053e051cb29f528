import type { BundleNews, IncidentNews } from '../../domain/notifier.ts';
import type { Incident } from '../../domain/state.ts';
import type { Told } from './told.ts';

export type EventAction = 'trigger' | 'acknowledge' | 'resolve';

/** What decides over a page: of an incident, or of all that a bundle stands for. */
export interface PageState {
  readonly status: Incident['status'];
  readonly severityRank: number;
  readonly level: number;
  /** Whether people are called although somebody has acknowledged it. */
  readonly isAnotherCall: boolean;
}

/** Escalations that send a rung also when somebody has the incident. */
const CALLS: readonly (string | null)[] = ['escalation_policy', 'escalated_by_person'];

export function pageStateOfIncident({ detail: { incident, timeline } }: IncidentNews): PageState {
  const acknowledged = timeline.findLast(({ kind }) => kind === 'acknowledged')?.position ?? Infinity;
  return {
    status: incident.status,
    severityRank: incident.severityRank,
    level: incident.escalationLevel,
    isAnotherCall: timeline.some(
      ({ kind, reason, position }) => kind === 'escalated' && CALLS.includes(reason) && position > acknowledged,
    ),
  };
}

/** A bundle is as far as the incident that is least far. */
export function pageStateOfBundle({ incidents }: BundleNews): PageState {
  const isAny = (status: Incident['status']): boolean => incidents.some((incident) => incident.status === status);
  return {
    status: isAny('triggered') ? 'triggered' : isAny('acknowledged') ? 'acknowledged' : 'resolved',
    severityRank: Math.min(...incidents.map(({ severityRank }) => severityRank)),
    level: Math.max(0, ...incidents.map(({ escalationLevel }) => escalationLevel)),
    isAnotherCall: false,
  };
}

/**
 * The event that a page owes. A page that was never sent and is acknowledged or resolved meanwhile owes nothing; who has been
 * called is called again only when it became worse.
 */
export function nextAction(page: PageState, told: Told): EventAction | undefined {
  switch (page.status) {
    case 'triggered':
      // Incidents that joined an acknowledged bundle, or a resolved one.
      if (told.state !== 'triggered') return 'trigger';
      return page.severityRank < told.severityRank || page.level > told.level ? 'trigger' : undefined;
    case 'acknowledged':
      return actionWhenAcknowledged(page, told);
    case 'resolved':
      return told.state === 'none' || told.state === 'resolved' ? undefined : 'resolve';
  }
}

function actionWhenAcknowledged({ isAnotherCall }: PageState, told: Told): EventAction | undefined {
  switch (told.state) {
    case 'none':
      return isAnotherCall ? 'trigger' : undefined;
    case 'uncertain':
      return told.isAnotherCall ? 'trigger' : 'acknowledge';
    case 'triggered':
      return told.isAnotherCall ? undefined : 'acknowledge';
    case 'acknowledged':
    case 'resolved':
      return undefined;
  }
}

/** What PagerDuty knows once it has taken the event. */
export function toldAfter(action: EventAction, page: PageState, told: Told): Told {
  const { severityRank, level } = page;
  switch (action) {
    case 'trigger':
      return { state: 'triggered', severityRank, level, isAnotherCall: page.status === 'acknowledged' };
    case 'acknowledge':
      return { ...told, state: 'acknowledged' };
    case 'resolve':
      return { ...told, state: 'resolved' };
  }
}
