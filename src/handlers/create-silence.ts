import * as z from 'zod';
import { sharedLabels, type Labels } from '../domain/alert.ts';
import type { AlertmanagerConnection } from '../domain/connection.ts';

/** So many silences are made at most for alerts that have too little in common for one. */
const MAX_SILENCES = 20;
/** How long one Alertmanager has: another one of its cluster may answer in time. */
const TIMEOUT_MS = 800;

const answer = z.object({ silenceID: z.string().min(1) });

/** What is silenced, until when, by whom and why. */
export interface SilenceOrder {
  /** Of each silence, the labels that an alert has to have. */
  readonly silences: readonly Labels[];
  /** Epoch ms. */
  readonly startsAt: number;
  readonly endsAt: number;
  readonly createdBy: string;
  readonly comment: string;
}

/** The silences that are there now, and in which Alertmanager. */
export interface CreatedSilences {
  readonly connection: string;
  readonly ids: readonly string[];
}

/**
 * The labels of the silences that hide these alerts: what all of them have in common, always with `alertname`; where
 * that is nothing else, one for each of at most twenty. `undefined` where no silence is narrow enough.
 */
export function silencesFor(alerts: readonly Labels[]): readonly Labels[] | undefined {
  if (alerts.length === 0 || alerts.some((labels) => labels['alertname'] === undefined)) return undefined;
  const shared = sharedLabels(alerts);
  const hasName = shared['alertname'] !== undefined;
  if (hasName && (alerts.length === 1 || Object.keys(shared).length > 1)) return [shared];
  // A silence of the bare name would hide alerts that nobody has looked at.
  return alerts.length <= MAX_SILENCES ? alerts : undefined;
}

/**
 * Makes the silences (API v2) in the first of these Alertmanagers that takes them: those of a cluster tell each other.
 * Throws with what each of them said when none does.
 */
export async function createSilences(
  connections: readonly AlertmanagerConnection[],
  order: SilenceOrder,
  signal: AbortSignal,
): Promise<CreatedSilences> {
  const failures: string[] = [];
  for (const connection of connections) {
    const ids: string[] = [];
    try {
      for (const labels of order.silences) ids.push(await postSilence(connection, labels, order, signal));
      return { connection: connection.name, ids };
    } catch (error) {
      const made = ids.length === 0 ? '' : ` after it had made ${ids.join(', ')}`;
      failures.push(`${connection.name}: ${error instanceof Error ? error.message : String(error)}${made}`);
      if (signal.aborted) break;
    }
  }
  throw new Error(failures.join('; '));
}

async function postSilence(
  { url, bearerToken, basicAuth }: AlertmanagerConnection,
  labels: Labels,
  { startsAt, endsAt, createdBy, comment }: SilenceOrder,
  signal: AbortSignal,
): Promise<string> {
  const headers: Record<string, string> = { accept: 'application/json', 'content-type': 'application/json' };
  if (bearerToken !== undefined) headers['authorization'] = `Bearer ${bearerToken.reveal()}`;
  else if (basicAuth !== undefined) {
    headers['authorization'] = `Basic ${Buffer.from(`${basicAuth.username}:${basicAuth.password.reveal()}`).toString('base64')}`;
  }
  const matchers = Object.entries(labels)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => ({ name, value, isRegex: false, isEqual: true }));
  // A matcher of nothing would silence everything.
  if (!matchers.some(({ name }) => name === 'alertname')) throw new Error('a silence without an alertname is not made');
  const body = {
    matchers,
    startsAt: new Date(startsAt).toISOString(),
    endsAt: new Date(endsAt).toISOString(),
    createdBy,
    comment,
  };
  // Credentials are for this host only.
  const response = await fetch(new URL('api/v2/silences', url.endsWith('/') ? url : `${url}/`), {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  if (!response.ok) throw new Error(`answered ${response.status}`);
  return answer.parse(await response.json()).silenceID;
}
