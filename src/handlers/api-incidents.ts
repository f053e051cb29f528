import * as z from 'zod';
import type { IncidentNews } from '../domain/notifier.ts';
import { GATES } from '../domain/reason.ts';
import { INCIDENT_STATUSES } from '../domain/state.ts';
import type { Store } from '../domain/store.ts';
import { withoutUndefined } from '../domain/without-undefined.ts';
import { ApiError } from './api-error.ts';
import { postMortem } from '../pipeline/post-mortem.ts';
import { reportEvent } from '../pipeline/report-alert.ts';
import { answerCommand, applyCommand, type ApiAnswer, type ApiCall, type ApiDeps, type ApiRoute } from './api-route.ts';
import { parseInput } from './parse-input.ts';
import { parseLabels } from './parse-labels.ts';
import { viewIncident, type IncidentView } from './views.ts';

const listQuery = z.strictObject({
  status: z.enum([...INCIDENT_STATUSES, 'open']).optional(),
  rule: z.string().max(200).optional(),
  cursor: z.string().max(500).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
});

const report = z.strictObject({
  // Names like __proto__ are data, which a record of zod would drop.
  labels: z.unknown().transform((value, context) => {
    const labels = parseLabels(value);
    if (typeof labels !== 'string') return labels;
    context.addIssue({ code: 'custom', message: `labels${labels}` });
    return z.NEVER;
  }),
  summary: z.string().max(10_000).default(''),
});
const reported = z.object({ incidents: z.array(z.string()) });

const nothing = z.strictObject({}).optional();
const runChoice = z.strictObject({ run: z.string().optional() }).default({});
const retryChoice = z
  .strictObject({ run: z.string().optional(), override: z.enum(GATES).optional(), reason: z.string().max(1_000).optional() })
  .default({});

const answerChoice = z
  .strictObject({
    run: z.string().optional(),
    intent_digest: z.string().max(200).optional(),
    reason: z.string().max(1_000).optional(),
  })
  .default({});
const reasonOnly = z.strictObject({ reason: z.string().max(1_000).optional() }).default({});
const noteText = z.strictObject({ text: z.string().min(1).max(4_000) });
const fieldValues = z.strictObject({ fields: z.record(z.string(), z.string().nullable()) });

/** `/api/v1/incidents…`: read them, report one, and what people do with one. */
export function incidentRoutes(deps: ApiDeps): readonly ApiRoute[] {
  return [
    {
      method: 'get',
      path: '/api/v1/incidents',
      role: 'viewer',
      handle: async ({ query }) => {
        const { status, rule, cursor, limit } = parseInput(listQuery, query);
        const page = await listPage(deps.store, {
          limit,
          ...(status === undefined ? {} : { status }),
          ...(rule === undefined ? {} : { rule }),
          ...(cursor === undefined ? {} : { cursor }),
        });
        const ids = page.items.map((incident) => incident.id);
        return { status: 200, body: { incidents: await viewAll(deps, ids), next_cursor: page.nextCursor } };
      },
    },
    { method: 'post', path: '/api/v1/incidents', role: 'responder', handle: (call) => createIncident(deps, call) },
    {
      method: 'get',
      path: '/api/v1/incidents/:id',
      role: 'viewer',
      handle: async ({ params }) => {
        const [view] = await viewAll(deps, [params['id'] ?? '']);
        if (view === undefined) throw new ApiError(404, 'not_found', `there is no incident ${params['id'] ?? ''}`);
        return { status: 200, body: view };
      },
    },
    {
      method: 'post',
      path: '/api/v1/incidents/:id/ack',
      role: 'responder',
      handle: ({ params, body, actor }) => {
        parseInput(nothing, body);
        return applyCommand(deps, { kind: 'acknowledge', incidentId: params['id'] ?? '', actor });
      },
    },
    {
      method: 'post',
      path: '/api/v1/incidents/:id/cancel',
      role: 'responder',
      handle: ({ params, body, actor }) => {
        const { run } = parseInput(runChoice, body);
        return applyCommand(deps, {
          kind: 'cancel',
          incidentId: params['id'] ?? '',
          actor,
          ...withoutUndefined({ runId: run }),
        });
      },
    },
    {
      method: 'post',
      path: '/api/v1/incidents/:id/retry',
      role: 'responder',
      handle: ({ params, body, actor }) => {
        const { run, override, reason } = parseInput(retryChoice, body);
        return applyCommand(deps, {
          kind: 'retry',
          incidentId: params['id'] ?? '',
          actor,
          ...withoutUndefined({ runId: run, override, reason }),
        });
      },
    },
    {
      method: 'post',
      path: '/api/v1/incidents/:id/resolve',
      role: 'responder',
      handle: ({ params, body, actor }) => {
        parseInput(nothing, body);
        return applyCommand(deps, { kind: 'resolve', incidentId: params['id'] ?? '', actor });
      },
    },
    ...(['approve', 'reject'] as const).map((kind): ApiRoute => ({
      method: 'post',
      path: `/api/v1/incidents/:id/${kind}`,
      role: 'responder',
      handle: ({ params, body, actor }) => {
        const { run, intent_digest: intentDigest, reason } = parseInput(answerChoice, body);
        return applyCommand(deps, {
          kind,
          incidentId: params['id'] ?? '',
          actor,
          ...withoutUndefined({ runId: run, intentDigest, reason }),
        });
      },
    })),
    {
      method: 'post',
      path: '/api/v1/incidents/:id/escalate',
      role: 'responder',
      handle: ({ params, body, actor }) => {
        const { reason } = parseInput(reasonOnly, body);
        return applyCommand(deps, { kind: 'escalate', incidentId: params['id'] ?? '', actor, ...withoutUndefined({ reason }) });
      },
    },
    {
      method: 'post',
      path: '/api/v1/incidents/:id/note',
      role: 'responder',
      handle: ({ params, body, actor }) => {
        const { text } = parseInput(noteText, body);
        return applyCommand(deps, { kind: 'note', incidentId: params['id'] ?? '', actor, text: text.toWellFormed() });
      },
    },
    {
      method: 'post',
      path: '/api/v1/incidents/:id/set',
      role: 'responder',
      handle: ({ params, body, actor }) => {
        const { fields } = parseInput(fieldValues, body);
        return applyCommand(deps, { kind: 'set', incidentId: params['id'] ?? '', actor, fields });
      },
    },
    {
      method: 'get',
      path: '/api/v1/incidents/:id/post-mortem',
      role: 'viewer',
      handle: async ({ params }) => ({ status: 200, body: { markdown: postMortem(await newsOf(deps, params['id'] ?? '')) } }),
    },
    {
      method: 'get',
      path: '/api/v1/incidents/:id/customer-message',
      role: 'viewer',
      handle: async ({ params }) => {
        const { phase, customerMessage } = await newsOf(deps, params['id'] ?? '');
        return { status: 200, body: { phase, text: customerMessage ?? null } };
      },
    },
  ];
}

async function newsOf(deps: ApiDeps, id: string): Promise<IncidentNews> {
  const news = await deps.newsOf(id);
  if (news === undefined) throw new ApiError(404, 'not_found', `there is no incident ${id}`);
  return news;
}

async function listPage(store: Store, filter: Parameters<Store['listIncidents']>[0]): ReturnType<Store['listIncidents']> {
  try {
    return await store.listIncidents(filter);
  } catch (error) {
    if (error instanceof RangeError)
      throw new ApiError(400, 'invalid', 'cursor: give back next_cursor of the page before, as it was');
    throw error;
  }
}

async function viewAll({ store, rules }: ApiDeps, ids: readonly string[]): Promise<readonly IncidentView[]> {
  const views: IncidentView[] = [];
  for (const id of ids) {
    const detail = await store.incidentDetail(id);
    if (detail !== undefined) views.push(viewIncident(detail, rules()));
  }
  return views;
}

async function createIncident(deps: ApiDeps, { body, actor }: ApiCall): Promise<ApiAnswer> {
  const { labels, summary } = parseInput(report, body);
  const event = reportEvent({ labels, summary: summary.toWellFormed(), actor }, deps.rules(), deps.clock.now());
  const { text, data } = await answerCommand(deps, event);
  return { status: 201, body: { incidents: await viewAll(deps, reported.parse(data).incidents), text } };
}
