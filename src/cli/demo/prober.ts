import { hash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { DemoDaemon } from './stage.ts';

const INTERVAL_MS = 400;
/** Alertmanager's "no end yet". */
const NO_END = '0001-01-01T00:00:00Z';

export interface ProbedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
}

/**
 * Stands in for Prometheus and Alertmanager: looks at a system at intervals, and tells the daemon in Alertmanager's own format when it
 * begins and when it ends to be sick. Runs until the signal aborts.
 */
export async function probe(
  daemon: DemoDaemon,
  alert: ProbedAlert,
  isSick: () => Promise<boolean>,
  onChange: (isFiring: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  let startsAt: string | undefined;
  while (!signal.aborted) {
    const isFiring = await isSick();
    if (isFiring !== (startsAt !== undefined)) {
      const now = new Date().toISOString();
      const body = webhookOf(alert, startsAt ?? now, isFiring ? undefined : now);
      startsAt = isFiring ? now : undefined;
      onChange(isFiring);
      await daemon.sendWebhook(body);
    }
    await delay(INTERVAL_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** A webhook body of Alertmanager's version 4, with one alert. */
function webhookOf({ labels, summary }: ProbedAlert, startsAt: string, endsAt: string | undefined): object {
  const status = endsAt === undefined ? 'firing' : 'resolved';
  const annotations = { summary };
  const text = JSON.stringify(labels);
  return {
    receiver: 'remedyd',
    status,
    alerts: [
      {
        status,
        labels,
        annotations,
        startsAt,
        endsAt: endsAt ?? NO_END,
        generatorURL: '',
        fingerprint: hash('sha256', text).slice(0, 16),
      },
    ],
    groupLabels: labels,
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: 'http://localhost:9093',
    version: '4',
    groupKey: `{}:${text}`,
    truncatedAlerts: 0,
  };
}
