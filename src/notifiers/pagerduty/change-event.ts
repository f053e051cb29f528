import type { IncidentNews } from '../../domain/notifier.ts';
import type { StoredTimelineEntry } from '../../domain/state.ts';
import { MAX_SUMMARY, type ChangeEvent } from './event.ts';
import { shortLine } from './shortened.ts';
import { sourceOf } from './source.ts';
import { timestamp } from './timestamp.ts';
import { webLink } from './web-links.ts';

/** Of a long story only the newest changes are told. */
const MAX_OWED = 10;

/** The next entry of the story after this position that is a change: a run started or ended. */
export function nextChange({ detail: { timeline } }: IncidentNews, toldPosition: number): StoredTimelineEntry | undefined {
  return timeline
    .filter(({ kind, position }) => (kind === 'run_started' || kind === 'run_ended') && position > toldPosition)
    .toSorted((a, b) => a.position - b.position)
    .slice(-MAX_OWED)[0];
}

/** Tells a service what the automation did. */
export function changeEvent(entry: StoredTimelineEntry, news: IncidentNews, externalUrl: string | undefined): ChangeEvent {
  const { incident } = news.detail;
  const what = entry.kind === 'run_started' ? 'run started' : 'run ended';
  return {
    payload: {
      summary: shortLine(`remedyd ${what}: ${entry.text}`, MAX_SUMMARY),
      source: sourceOf(externalUrl, incident.groupLabels),
      timestamp: timestamp(entry.at),
      custom_details: {
        incident: incident.id,
        rule: shortLine(incident.rule, 255),
        severity: shortLine(incident.severity, 255),
        run: entry.runId,
        ...(entry.reason === null ? {} : { reason: shortLine(entry.reason, 255) }),
        ...(entry.actor === null ? {} : { actor: shortLine(entry.actor, 255) }),
      },
    },
    links: webLink('Everything about it', news.url),
  };
}
