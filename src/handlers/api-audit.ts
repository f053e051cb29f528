import * as z from 'zod';
import type { ApiDeps, ApiRoute } from './api-route.ts';
import { parseInput } from './parse-input.ts';
import { viewInstant } from './views.ts';

const query = z.strictObject({
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

/** `/api/v1/audit`: who did what, the newest first. */
export function auditRoute({ store }: ApiDeps): ApiRoute {
  return {
    method: 'get',
    path: '/api/v1/audit',
    role: 'viewer',
    handle: async (call) => {
      const { before, limit } = parseInput(query, call.query);
      const entries = await store.auditTrail({ limit, ...(before === undefined ? {} : { before }) });
      const oldest = entries.at(-1);
      return {
        status: 200,
        body: {
          entries: entries.map(({ position, at, person, via, action, subject, details, ok, text, hash }) => {
            return { position, at: viewInstant(at), person, via, action, subject, details, ok, text, hash };
          }),
          next_before: oldest !== undefined && entries.length === limit && oldest.position > 1 ? oldest.position : null,
        },
      };
    },
  };
}
