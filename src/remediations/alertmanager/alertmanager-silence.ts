import { z } from 'zod';
import type { AlertmanagerConnection } from '../../domain/connection.ts';
import type { Matcher } from '../../domain/matcher.ts';
import { createApiUrl } from '../requests/api-url.ts';
import { callApi, parseAnswer } from '../requests/call-api.ts';

/** By whom the silences of remedyd are, in Alertmanager's words. */
export const CREATED_BY = 'remedyd';

const COMMENT_PREFIX = 'remedyd run ';

const matcherPayload = z.object({
  name: z.string(),
  value: z.string(),
  isRegex: z.boolean(),
  // Alertmanager before 0.22 knows no negative matchers.
  isEqual: z.boolean().default(true),
});
/** A matcher of Alertmanager's API. */
type MatcherPayload = z.infer<typeof matcherPayload>;

/** https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml, `gettableSilence`. */
export const silencePayload = z.object({
  id: z.string(),
  status: z.object({ state: z.enum(['expired', 'active', 'pending']) }),
  matchers: z.array(matcherPayload),
  endsAt: z.iso.datetime({ offset: true }),
  createdBy: z.string(),
  comment: z.string(),
});
/** A silence as Alertmanager tells of it. */
export type SilencePayload = z.infer<typeof silencePayload>;

/** What a matcher is to Alertmanager's API. */
export function toMatcherPayload({ name, op, value }: Matcher): MatcherPayload {
  return { name, value, isRegex: op === '=~' || op === '!~', isEqual: op === '=' || op === '=~' };
}

/** What a silence says of its origin: by it the step finds what it made, and `expire_silence` what it may end. */
export function createComment(runId: string, stepId: string, text: string | undefined): string {
  return `${COMMENT_PREFIX}${runId}, step ${stepId}${text === undefined ? '' : `: ${text}`}`;
}

/** Whether remedyd made it, for a run. */
export function isOwnSilence({ createdBy, comment }: SilencePayload): boolean {
  return createdBy === CREATED_BY && comment.startsWith(COMMENT_PREFIX);
}

/** The silence of this id; `undefined` when Alertmanager knows none. */
export async function findSilence(
  connection: AlertmanagerConnection,
  id: string,
  signal: AbortSignal,
): Promise<SilencePayload | undefined> {
  const url = createApiUrl(connection, `/api/v2/silence/${encodeURIComponent(id)}`);
  const answer = await callApi({ method: 'GET', url, credentials: connection, isChange: false, reads: [404] }, signal);
  return answer.status === 404 ? undefined : parseAnswer(silencePayload, answer);
}
