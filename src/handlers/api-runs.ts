import * as z from 'zod';
import { withoutUndefined } from '../domain/without-undefined.ts';
import { ApiError } from './api-error.ts';
import { applyCommand, type ApiDeps, type ApiRoute } from './api-route.ts';
import { parseInput } from './parse-input.ts';
import { viewRunDetail } from './views.ts';

const nothing = z.strictObject({}).optional();
const answer = z.strictObject({
  intent_digest: z.string({ error: 'is needed: it says what was seen' }).min(1).max(200),
  reason: z.string().max(1_000).optional(),
});
const refusal = z
  .strictObject({ intent_digest: z.string().max(200).optional(), reason: z.string().max(1_000).optional() })
  .default({});
const byHand = z.strictObject({
  rule: z.string().max(200),
  params: z.record(z.string(), z.json()).default({}),
  target: z.string().max(1_000).optional(),
});

/** `/api/v1/runs…`: start one by hand, look at one, allow or end it. */
export function runRoutes(deps: ApiDeps): readonly ApiRoute[] {
  const detailOf = async (id: string) => {
    const detail = await deps.store.runDetail(id);
    if (detail === undefined) throw new ApiError(404, 'not_found', `there is no run ${id}`);
    return detail;
  };
  return [
    {
      method: 'post',
      path: '/api/v1/runs',
      role: 'responder',
      handle: ({ body, actor }) => {
        const { rule, params, target } = parseInput(byHand, body);
        return applyCommand(deps, { kind: 'run_by_hand', rule, params, actor, ...withoutUndefined({ target }) });
      },
    },
    {
      method: 'get',
      path: '/api/v1/runs/:id',
      role: 'viewer',
      handle: async ({ params }) => {
        return { status: 200, body: viewRunDetail(await detailOf(params['id'] ?? ''), deps.rules()) };
      },
    },
    {
      method: 'post',
      path: '/api/v1/runs/:id/approve',
      role: 'responder',
      handle: async ({ params, body, actor }) => {
        const { intent_digest: intentDigest, reason } = parseInput(answer, body);
        const { run } = await detailOf(params['id'] ?? '');
        return applyCommand(deps, {
          kind: 'approve',
          incidentId: run.incidentId,
          runId: run.id,
          intentDigest,
          actor,
          ...withoutUndefined({ reason }),
        });
      },
    },
    {
      method: 'post',
      path: '/api/v1/runs/:id/reject',
      role: 'responder',
      handle: async ({ params, body, actor }) => {
        const { intent_digest: intentDigest, reason } = parseInput(refusal, body);
        const { run } = await detailOf(params['id'] ?? '');
        return applyCommand(deps, {
          kind: 'reject',
          incidentId: run.incidentId,
          runId: run.id,
          actor,
          ...withoutUndefined({ intentDigest, reason }),
        });
      },
    },
    {
      method: 'post',
      path: '/api/v1/runs/:id/cancel',
      role: 'responder',
      handle: async ({ params, body, actor }) => {
        parseInput(nothing, body);
        const { run } = await detailOf(params['id'] ?? '');
        return applyCommand(deps, { kind: 'cancel', incidentId: run.incidentId, runId: run.id, actor });
      },
    },
  ];
}
