import { z } from 'zod';
import type { AlertmanagerConnection } from '../../domain/connection.ts';
import type { Matcher } from '../../domain/matcher.ts';
import { createApiUrl } from '../requests/api-url.ts';
import { callApi, parseAnswer } from '../requests/call-api.ts';

const texts = z.record(z.string(), z.string());
/** https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml, `gettableAlert`. */
const alertsPayload = z.array(
  z.object({
    labels: texts,
    annotations: texts,
    startsAt: z.iso.datetime({ offset: true }),
    status: z.object({ state: z.enum(['unprocessed', 'active', 'suppressed']) }),
  }),
);
/** An alert as Alertmanager tells of it. */
export type AlertPayload = z.infer<typeof alertsPayload>[number];

/** The alerts that fire and match, also silenced and inhibited ones. */
export async function listAlerts(
  connection: AlertmanagerConnection,
  matchers: readonly Matcher[],
  signal: AbortSignal,
): Promise<readonly AlertPayload[]> {
  const url = createApiUrl(connection, '/api/v2/alerts', { filter: matchers.map(String) });
  return parseAnswer(alertsPayload, await callApi({ method: 'GET', url, credentials: connection, isChange: false }, signal));
}
