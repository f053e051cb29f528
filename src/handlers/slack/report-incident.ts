import { alertKey, copyLabels, type AlertBatch } from '../../domain/alert.ts';
import { inTime } from './in-time.ts';
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
  await inTime(pipeline.accept(batch), signal);
  const ids = await inTime(
    store.transact(async (transaction) => {
      const episodes = await transaction.currentEpisodes([alertKey(REPORTED_SOURCE, labels)]);
      return (await transaction.members(episodes.map((episode) => episode.id))).map((member) => member.incidentId);
    }),
    signal,
  );
  return ids.length === 0 ? `no rule matches alertname="${REPORTED}" with these labels` : `reported as ${ids.join(', ')}`;
}
