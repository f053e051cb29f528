/** One alert of a webhook, as Alertmanager writes it. */
export interface WebhookAlert {
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL: string;
  readonly fingerprint: string;
}

/** Alertmanager's "no end yet". */
const NO_END = '0001-01-01T00:00:00Z';

/** An alert that fires since now. */
export function firingAlert(labels: Readonly<Record<string, string>>): WebhookAlert {
  return {
    status: 'firing',
    labels,
    annotations: {},
    startsAt: new Date().toISOString(),
    endsAt: NO_END,
    generatorURL: '',
    fingerprint: '0000000000000000',
  };
}

/** The same alert, over since now. */
export function resolvedAlert(alert: WebhookAlert): WebhookAlert {
  return { ...alert, status: 'resolved', endsAt: new Date().toISOString() };
}

/** A webhook body of payload version 4, grouped by all labels of its first alert. */
export function webhookBody(alerts: readonly WebhookAlert[]): object {
  return {
    version: '4',
    groupKey: '{}:{}',
    truncatedAlerts: 0,
    status: alerts.some((alert) => alert.status === 'firing') ? 'firing' : 'resolved',
    receiver: 'remedyd',
    groupLabels: alerts[0]?.labels ?? {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'http://alertmanager.example.com',
    alerts,
  };
}
