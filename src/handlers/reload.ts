import type { CommandAnswer } from '../pipeline/event.ts';
import { ApiError } from './api-error.ts';
import type { ApiDeps, ApiRoute } from './api-route.ts';

/** `POST /-/reload`: the new rules are live when it answers 200; with a problem the old ones stay. */
export function reloadRoute({ pipeline, reload }: Pick<ApiDeps, 'pipeline' | 'reload'>): ApiRoute {
  return {
    method: 'post',
    path: '/-/reload',
    role: 'admin',
    handle: async ({ actor }) => {
      const { problems } = await reload();
      const isLive = problems.length === 0;
      const text = isLive ? 'reloaded' : `the old rules stay live:\n${problems.join('\n')}`;
      const answer: CommandAnswer = isLive ? { ok: true, text } : { ok: false, code: 'invalid', text };
      await pipeline.apply({ kind: 'recorded', action: 'reload', subject: 'daemon', details: {}, answer, actor });
      if (!isLive) throw new ApiError(500, 'reload_failed', text);
      return { status: 200, body: { text, data: null } };
    },
  };
}
