import { Secret } from '../../src/domain/secret.ts';
import { NotifyError, type IncidentNews, type News, type NotifyOperation } from '../../src/domain/notifier.ts';
import type { Incident, Notification, StoredTimelineEntry } from '../../src/domain/state.ts';
import type { IncidentDetail } from '../../src/domain/store.ts';
import { PagerDutyNotifier, type PagerDutyOptions } from '../../src/notifiers/pagerduty/pagerduty-notifier.ts';
import { contentOf, entryOf, episodeOf, incidentOf, lineOf, notificationOf } from '../support/store-rows.ts';
import type { PagerDutyServer } from '../support/servers/pagerduty/types.ts';

export const SERVICE = 'production';
export const INCIDENT = 'inc_1';
export const KEY = `remedyd/${INCIDENT}`;
export const ROUTING_KEY = '0123456789abcdef0123456789abcdef';

export function newsOf(
  incident: Partial<Incident> = {},
  more: Partial<Omit<IncidentNews, 'detail'>> & { readonly detail?: Partial<IncidentDetail> } = {},
): IncidentNews {
  const { detail, ...news } = more;
  return {
    kind: 'incident',
    phase: 'investigating',
    description: 'The disk fills up.',
    fields: [],
    pagerdutySeverity: 'critical',
    next: [],
    url: 'https://remedyd.example.com/api/v1/incidents/inc_1',
    ...news,
    detail: {
      incident: incidentOf(INCIDENT, incident),
      lines: [lineOf('line-1', INCIDENT)],
      alerts: [{ lineTarget: 'web-1', incidentId: INCIDENT, episode: episodeOf('episode-1'), content: contentOf() }],
      runs: [],
      steps: [],
      timeline: [],
      approvals: [],
      ...detail,
    },
  };
}

/** A story: entries with their positions from 1 on. */
export function story(...entries: readonly Partial<StoredTimelineEntry>[]): readonly StoredTimelineEntry[] {
  return entries.map((entry, index) => ({ ...entryOf(entry), incidentId: INCIDENT, position: index + 1 }));
}

export function pageOf(overrides: Partial<Notification> = {}): Notification {
  return notificationOf(INCIDENT, { channel: 'pagerduty', place: SERVICE, purpose: 'page', ...overrides });
}

export function notifierOf(options: Partial<PagerDutyOptions> = {}): PagerDutyNotifier {
  return new PagerDutyNotifier({
    services: new Map([[SERVICE, new Secret(ROUTING_KEY)]]),
    externalUrl: 'https://remedyd.example.com',
    ...options,
  });
}

/** A place of PagerDuty, told as the delivery does: what is under way after an unknown end is looked for first. */
export class Place {
  readonly notifier: PagerDutyNotifier;
  row: Notification;
  #begun: NotifyOperation | undefined;

  constructor(pagerduty: PagerDutyServer, row = pageOf(), options: Partial<PagerDutyOptions> = {}) {
    this.notifier = notifierOf({ eventsUrl: pagerduty.plainUrl, ...options });
    this.row = row;
  }

  /** Says all there is to say; the kinds of what was sent. Throws what an attempt throws. */
  async tell(news: News): Promise<readonly string[]> {
    const sent: string[] = [];
    for (;;) {
      if (this.#begun !== undefined) {
        const found = await this.notifier.find(this.#begun, this.row);
        if (found !== undefined) this.row = { ...this.row, ...found };
        this.#begun = undefined;
      }
      const operation = this.notifier.next(news, this.row);
      if (operation === undefined) return sent;
      try {
        const delivered = await this.notifier.send(operation, this.row, AbortSignal.timeout(5_000));
        this.row = { ...this.row, ...delivered };
        sent.push(operation.kind);
      } catch (error) {
        if (error instanceof NotifyError && error.code === 'unknown' && !operation.isRepeatable) this.#begun = operation;
        throw error;
      }
    }
  }
}
