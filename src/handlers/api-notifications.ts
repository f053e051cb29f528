import * as z from 'zod';
import type { Notification } from '../domain/state.ts';
import { ApiError } from './api-error.ts';
import type { ApiDeps, ApiRoute } from './api-route.ts';
import { parseInput } from './parse-input.ts';
import { viewInstant } from './views.ts';

const query = z.strictObject({
  state: z.enum(['dead', 'waiting']).optional(),
  incident: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
const nothing = z.strictObject({}).optional();

/** `/api/v1/notifications…`: what people were told and are owed, and another try by hand. */
export function notificationRoutes({ store, clock, retryNotification }: ApiDeps): readonly ApiRoute[] {
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
        return { status: 200, body: { notifications: rows.map((row) => viewNotification(row, clock.now())) } };
      },
    },
    {
      method: 'post',
      path: '/api/v1/notifications/:id/retry',
      role: 'responder',
      handle: async ({ params, body }) => {
        parseInput(nothing, body);
        const id = params['id'] ?? '';
        const answer = await retryNotification(id);
        if (answer === 'not_found') throw new ApiError(404, 'not_found', `there is no notification ${id}`);
        if (answer === 'nothing_owed') throw new ApiError(409, 'conflict', `${id} was told everything`);
        return { status: 200, body: { text: `${id} is tried again now` } };
      },
    },
  ];
}

function viewNotification(row: Notification, now: number): object {
  return {
    id: row.id,
    incident: row.incidentId,
    channel: row.channel,
    place: row.place,
    purpose: row.purpose,
    state: stateOf(row),
    bundle: row.bundleId,
    created_at: viewInstant(row.createdAt),
    next_try_at: stateOf(row) === 'waiting' && row.notBefore > now ? viewInstant(row.notBefore) : null,
    attempts: row.attempts,
    error: row.lastError,
  };
}

function stateOf({ isDead, toldVersion, wanted }: Notification): 'dead' | 'waiting' | 'told' {
  if (isDead) return 'dead';
  return toldVersion < wanted ? 'waiting' : 'told';
}
