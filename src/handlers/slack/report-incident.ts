import { alertKey, copyLabels, type AlertBatch } from '../../domain/alert.ts';
import { inTime, TooLateError } from './in-time.ts';
import type { SlackInDeps } from './slack-in-deps.ts';

/** The source of alerts that people report, here and over the API: no Alertmanager is asked about them. */
const REPORTED_SOURCE = 'api';
const REPORTED = 'Reported';

/** What a person reports. */
export interface Report {
  readonly summary: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly person: string;
}

/** Opens an incident for what a person saw, if a rule takes `alertname="Reported"` with these labels. Says what came of it. */
export async function reportIncident(
  { pipeline, store, clock }: Pick<SlackInDeps, 'pipeline' | 'store' | 'clock'>,
  { summary, labels: given, person }: Report,
  signal: AbortSignal,
): Promise<string> {
  const now = clock.now();
  const labels = copyLabels(Object.assign(Object.create(null) as Record<string, string>, given, { alertname: REPORTED }));
  const batch: AlertBatch = {
    source: REPORTED_SOURCE,
    receivedAt: now,
    groupLabels: labels,
    truncatedAlerts: 0,
    alerts: [
      {
        status: 'firing',
        labels,
        annotations: copyLabels({ summary, reported_by: person }),
        startsAt: now,
        generatorUrl: '',
        fingerprint: '',
      },
    ],
    quarantined: [],
    externalUrl: '',
  };
  // Alerts cannot be withdrawn: when the time is over, they may still be written.
  try {
    await inTime(pipeline.accept(batch), signal);
    const ids = await inTime(incidentsOf(store, alertKey(REPORTED_SOURCE, labels)), signal);
    return ids.length === 0 ? `no rule matches alertname="${REPORTED}" with these labels` : `reported as ${ids.join(', ')}`;
  } catch (error) {
    if (error instanceof TooLateError) return 'not known yet; list will show it';
    throw error;
  }
}

function incidentsOf(store: SlackInDeps['store'], key: string): Promise<readonly string[]> {
  return store.transact(async (transaction) => {
    const episodes = await transaction.currentEpisodes([key]);
    const members = await transaction.members(episodes.map((episode) => episode.id));
    return members.map((member) => member.incidentId);
  });
}
