import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../domain/clock.ts';
import type { Json } from '../domain/json.ts';
import type { IncidentNews } from '../domain/notifier.ts';
import type { RuleSet } from '../domain/rule.ts';
import type { ApiRole } from '../domain/settings.ts';
import type { Store } from '../domain/store.ts';
import type { Actor, CommandAnswer, CommandErrorCode, PipelineEvent } from '../pipeline/event.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { ApiError } from './api-error.ts';
import type { RunEvents } from './run-events.ts';

/** What the API needs of the daemon. */
export interface ApiDeps {
  readonly pipeline: Pick<Pipeline, 'accept' | 'apply' | 'isAccepting'>;
  readonly store: Store;
  readonly clock: Clock;
  readonly rules: () => RuleSet;
  readonly version: string;
  readonly events: RunEvents;
  /** Loads rules and configuration anew; the old ones stay live when there are problems. */
  readonly reload: () => Promise<ReloadResult>;
  readonly lastReload: () => ReloadResult;
  /** Everything that may be said of an incident. */
  readonly newsOf: (incidentId: string) => Promise<IncidentNews | undefined>;
  /** Has a message to people tried again now, also one that was given up. */
  readonly retryNotification: (id: string) => Promise<'due' | 'nothing_owed' | 'not_found'>;
  /** When the last webhook was accepted (epoch ms). */
  readonly lastWebhookAt: () => number | null;
}

/** How a load of rules and configuration went: without problems they are live. */
export interface ReloadResult {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly problems: readonly string[];
}

/** A call, authenticated. Everything in it is text or JSON from outside. */
export interface ApiCall {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
  readonly actor: Actor;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: object;
}

/** One route of the API. Nothing is reachable without the role. */
export interface ApiRoute {
  readonly method: 'get' | 'post';
  /** As Express has it: `/api/v1/runs/:id`. */
  readonly path: string;
  readonly role: ApiRole;
  readonly handle:
    ((call: ApiCall) => Promise<ApiAnswer>) | { readonly stream: (request: IncomingMessage, response: ServerResponse) => void };
}

const STATUS_OF: Readonly<Record<CommandErrorCode, number>> = { not_found: 404, forbidden: 403, conflict: 409, invalid: 400 };

/** Applies a person's command and answers with what came of it, or throws an `ApiError`. */
export async function applyCommand({ pipeline }: Pick<ApiDeps, 'pipeline'>, event: PipelineEvent): Promise<ApiAnswer> {
  const { text, data } = await answerCommand({ pipeline }, event);
  return { status: 200, body: { text, data } };
}

/** What came of a person's command, or an `ApiError`. */
export async function answerCommand(
  { pipeline }: Pick<ApiDeps, 'pipeline'>,
  event: PipelineEvent,
): Promise<{ readonly text: string; readonly data: Json }> {
  if (!pipeline.isAccepting) throw new ApiError(503, 'unavailable', 'starting or stopping; come again');
  const answer: CommandAnswer | undefined = await pipeline.apply(event);
  if (answer?.ok === false) throw new ApiError(STATUS_OF[answer.code], answer.code, answer.text);
  return { text: answer?.text ?? 'done', data: answer?.data ?? null };
}
