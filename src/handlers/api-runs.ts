import * as z from 'zod';
import { ApiError } from './api-error.ts';
import { applyCommand, notAvailable, type ApiDeps, type ApiRoute } from './api-route.ts';
import { parseInput } from './parse-input.ts';
import { viewRun } from './views.ts';

const nothing = z.strictObject({}).optional();

/** `/api/v1/runs/…`: one run with its steps, and its end by a person. */
export function runRoutes(deps: ApiDeps): readonly ApiRoute[] {
  const detailOf = async (id: string) => {
    const detail = await deps.store.runDetail(id);
    if (detail === undefined) throw new ApiError(404, 'not_found', `there is no run ${id}`);
    return detail;
  };
  return [
    {
      method: 'get',
      path: '/api/v1/runs/:id',
      role: 'viewer',
      handle: async ({ params }) => {
        const { run, steps } = await detailOf(params['id'] ?? '');
        return { status: 200, body: viewRun(run, steps, deps.rules()) };
      },
    },
    {
      method: 'post',
      path: '/api/v1/runs/:id/cancel',
      role: 'responder',
      handle: async ({ params, body, actor }) => {
        parseInput(nothing, body);
        const { run } = await detailOf(params['id'] ?? '');
        if (run.incidentId === null) throw new ApiError(409, 'conflict', `run ${run.id} belongs to no incident`);
        return applyCommand(deps, { kind: 'cancel', incidentId: run.incidentId, runId: run.id, actor });
      },
    },
    { method: 'post', path: '/api/v1/runs/:id/approve', role: 'responder', handle: notAvailable },
    { method: 'post', path: '/api/v1/runs/:id/reject', role: 'responder', handle: notAvailable },
  ];
}
