import { ApiError } from './api-error.ts';
import type { ApiDeps, ApiRoute } from './api-route.ts';

/** `POST /-/reload`: the new rules are live when it answers 200; with a problem the old ones stay. */
export function reloadRoute({ reload }: Pick<ApiDeps, 'reload'>): ApiRoute {
  return {
    method: 'post',
    path: '/-/reload',
    role: 'admin',
    handle: async () => {
      const { problems } = await reload();
      if (problems.length > 0) throw new ApiError(500, 'reload_failed', `the old rules stay live:\n${problems.join('\n')}`);
      return { status: 200, body: { text: 'reloaded', data: null } };
    },
  };
}
