import * as z from 'zod';
import { parseDuration } from '../domain/duration.ts';
import { makeReport } from '../pipeline/report.ts';
import { reportMarkdown } from '../pipeline/report-text.ts';
import { ApiError } from './api-error.ts';
import type { ApiDeps, ApiRoute } from './api-route.ts';
import { parseInput } from './parse-input.ts';

const query = z.strictObject({ since: z.string().default('7d'), format: z.enum(['json', 'markdown']).default('json') });

/** `/api/v1/report`: how effective the rules were in the time before now. */
export function reportRoute({ store, clock, rules }: ApiDeps): ApiRoute {
  return {
    method: 'get',
    path: '/api/v1/report',
    role: 'viewer',
    handle: async (call) => {
      const { since, format } = parseInput(query, call.query);
      const sinceMs = parseDuration(since);
      if (sinceMs === undefined || sinceMs === 0) throw new ApiError(400, 'invalid', 'since: a duration like 24h or 7d');
      const until = clock.now();
      const report = await makeReport(store, rules(), { since: Math.max(0, until - sinceMs), until });
      return { status: 200, body: format === 'json' ? report : { markdown: reportMarkdown(report) } };
    },
  };
}
