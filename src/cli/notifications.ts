import { z } from 'zod';
import { callApi } from './api-client.ts';
import { CliError } from './cli-error.ts';
import { textOf } from './incident.ts';
import type { ApiOptions } from './options.ts';
import { printable } from './printable.ts';
import { formatTable } from './print-incident.ts';

type Output = (text: string) => void;

const STATES = ['dead', 'waiting'] as const;

export interface NotificationListOptions extends ApiOptions {
  readonly state?: string;
  readonly incident?: string;
  readonly limit: string;
}

const listAnswer = z.object({
  notifications: z.array(
    z.object({
      id: z.string(),
      purpose: z.string(),
      state: z.string(),
      attempts: z.number(),
      next_try_at: z.string().nullable(),
      error: z.string().nullable(),
    }),
  ),
});

export async function listNotifications(options: NotificationListOptions, print: Output): Promise<void> {
  const { state, incident, limit } = options;
  if (state !== undefined && !(STATES as readonly string[]).includes(state))
    throw new CliError(2, `--state ${state}: it is one of ${STATES.join(', ')}`);
  const query = new URLSearchParams({ limit });
  if (state !== undefined) query.set('state', state);
  if (incident !== undefined) query.set('incident', incident);
  const answer = await callApi(options, 'GET', `/api/v1/notifications?${query.toString()}`);
  if (options.json === true) {
    print(JSON.stringify(answer, null, 2));
    return;
  }
  const { notifications } = listAnswer.parse(answer);
  if (notifications.length === 0) {
    print('there is none');
    return;
  }
  print(
    formatTable(
      ['NOTIFICATION', 'PURPOSE', 'STATE', 'FAILURES', 'NEXT TRY', 'ERROR'],
      notifications.map((row) => [
        printable(row.id),
        row.purpose,
        row.state,
        String(row.attempts),
        row.next_try_at ?? '',
        printable(row.error ?? ''),
      ]),
    ),
  );
}

export async function retryNotification(id: string, options: ApiOptions, print: Output): Promise<void> {
  const answer = await callApi(options, 'POST', `/api/v1/notifications/${encodeURIComponent(id)}/retry`, {});
  print(options.json === true ? JSON.stringify(answer, null, 2) : textOf(answer));
}
