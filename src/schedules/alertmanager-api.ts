import * as z from 'zod';
import { alertKey, type Labels } from '../domain/alert.ts';
import type { AlertmanagerConnection } from '../domain/connection.ts';

const TIMEOUT_MS = 10_000;

const statusAnswer = z.object({ uptime: z.iso.datetime({ offset: true }) });
const alertsAnswer = z.array(z.object({ labels: z.custom<Labels>(isTextRecord), status: z.object({ state: z.string() }) }));

/** What one Alertmanager says of its alerts. */
export interface AlertmanagerView {
  /** Since when it runs (epoch ms). */
  readonly upSince: number;
  /** By `identityOf` their labels: whether it is silenced or inhibited. */
  readonly alerts: ReadonlyMap<string, { readonly suppressed: boolean }>;
}

/** The identity of an alert across Alertmanagers: its labels alone. */
export function identityOf(labels: Labels): string {
  return alertKey('', labels);
}

/** Asks an Alertmanager (API v2) for all its alerts. Throws when it does not answer as documented. */
export async function viewAlertmanager(connection: AlertmanagerConnection, signal: AbortSignal): Promise<AlertmanagerView> {
  const timed = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const { uptime } = statusAnswer.parse(await getJson(connection, 'api/v2/status', timed));
  const alerts = alertsAnswer.parse(await getJson(connection, 'api/v2/alerts?active=true&silenced=true&inhibited=true', timed));
  return {
    upSince: Date.parse(uptime),
    alerts: new Map(alerts.map(({ labels, status }) => [identityOf(labels), { suppressed: status.state === 'suppressed' }])),
  };
}

async function getJson(
  { name, url, bearerToken, basicAuth }: AlertmanagerConnection,
  path: string,
  signal: AbortSignal,
): Promise<unknown> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (bearerToken !== undefined) headers['authorization'] = `Bearer ${bearerToken.reveal()}`;
  else if (basicAuth !== undefined) {
    headers['authorization'] = `Basic ${Buffer.from(`${basicAuth.username}:${basicAuth.password.reveal()}`).toString('base64')}`;
  }
  // Credentials are for this host only.
  const response = await fetch(new URL(path, url.endsWith('/') ? url : `${url}/`), { headers, signal, redirect: 'error' });
  if (!response.ok) throw new Error(`alertmanager ${name} answered ${response.status} to GET ${path}`);
  return response.json();
}

function isTextRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every((text) => typeof text === 'string');
}
