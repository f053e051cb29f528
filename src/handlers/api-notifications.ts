import * as z from 'zod';
import type { Notification } from '../domain/state.ts';
import type { CommandAnswer } from '../pipeline/event.ts';
import { applyCommand, type ApiDeps, type ApiRoute } from './api-route.ts';
import { parseInput } from './parse-input.ts';
import { viewInstant } from './views.ts';

const query = z.strictObject({
  state: z.enum(['dead', 'waiting']).optional(),
  incident: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
const nothing = z.strictObject({}).optional();

/** `/api/v1/notifications…`: what people were told and are owed, and another try by hand. */
export function notificationRoutes(deps: ApiDeps): readonly ApiRoute[] {
  const { store, clock, retryNotification } = deps;
  return [
    {
      method: 'get',
      path: '/api/v1/notifications',
      role: 'viewer',
      handle: async (call) => {
        const { state, incident, limit } = parseInput(query, call.query);
        const rows = await store.listNotifications({
          limit,
          ...(state === undefined ? {} : { state }),
          ...(incident === undefined ? {} : { incidentId: incident }),
        });
        const bundles = await bundlesOf(rows, store);
        const views = rows.map((row) => viewNotification(row, stateOf(bundles.get(row.bundleId) ?? row), clock.now()));
        return { status: 200, body: { notifications: views } };
      },
    },
    {
      method: 'post',
      path: '/api/v1/notifications/:id/retry',
      role: 'responder',
      handle: async ({ params, body, actor }) => {
        parseInput(nothing, body);
        const id = params['id'] ?? '';
        const answer = describeRetry(id, await retryNotification(id));
        return applyCommand(deps, { kind: 'recorded', action: 'retry_notification', subject: id, details: {}, answer, actor });
      },
    },
  ];
}

function describeRetry(id: string, retried: Awaited<ReturnType<ApiDeps['retryNotification']>>): CommandAnswer {
  switch (retried) {
    case 'due':
      return { ok: true, text: `${id} is tried again now` };
    case 'nothing_owed':
      return { ok: false, code: 'conflict', text: `${id} was told everything` };
    case 'not_found':
      return { ok: false, code: 'not_found', text: `there is no notification ${id}` };
  }
}

type State = 'dead' | 'waiting' | 'told';

function viewNotification(row: Notification, state: State, now: number): object {
  return {
    id: row.id,
    incident: row.incidentId,
    channel: row.channel,
    place: row.place,
    purpose: row.purpose,
    state,
    bundle: row.bundleId,
    created_at: viewInstant(row.createdAt),
    next_try_at: state === 'waiting' && row.notBefore > now ? viewInstant(row.notBefore) : null,
    attempts: row.attempts,
    error: row.lastError,
  };
}

/** The bundles that speak for these rows, by their ids. */
async function bundlesOf(
  rows: readonly Notification[],
  store: ApiDeps['store'],
): Promise<ReadonlyMap<string | null, Notification>> {
  const ids = new Set(rows.map(({ bundleId }) => bundleId).filter((id) => id !== null));
  if (ids.size === 0) return new Map();
  const bundles = await store.transact((tx) => tx.notifications([...ids]));
  return new Map(bundles.map((bundle) => [bundle.id, bundle]));
}

function stateOf({ isDead, toldVersion, wanted }: Notification): State {
  if (isDead) return 'dead';
  return toldVersion < wanted ? 'waiting' : 'told';
}
