import * as z from 'zod';
import { parseDuration } from '../domain/duration.ts';
import { StoreUnavailableError, type Store } from '../domain/store.ts';
import { applyCommand, type ApiDeps, type ApiRoute } from './api-route.ts';
import { ApiError } from './api-error.ts';
import { parseInput } from './parse-input.ts';
import { viewInstant } from './views.ts';

const nothing = z.strictObject({}).optional();
const pauseChoice = z.strictObject({ for: z.string().optional(), reason: z.string().max(1_000).optional() }).default({});

/** `/api/v1/status` and the switches. */
export function statusRoutes(deps: ApiDeps): readonly ApiRoute[] {
  return [
    {
      method: 'get',
      path: '/api/v1/status',
      role: 'viewer',
      handle: async () => ({ status: 200, body: await readStatus(deps) }),
    },
    {
      method: 'post',
      path: '/api/v1/pause',
      role: 'admin',
      handle: ({ body, actor }) => {
        const { for: duration, reason } = parseInput(pauseChoice, body);
        const forMs = duration === undefined ? undefined : parseDuration(duration);
        if (duration !== undefined && (forMs === undefined || forMs === 0))
          throw new ApiError(400, 'invalid', 'for: a duration like 30m or 4h');
        return applyCommand(deps, {
          kind: 'pause',
          actor,
          ...(forMs === undefined ? {} : { forMs }),
          ...(reason === undefined ? {} : { reason }),
        });
      },
    },
    {
      method: 'post',
      path: '/api/v1/resume',
      role: 'admin',
      handle: ({ body, actor }) => {
        parseInput(nothing, body);
        return applyCommand(deps, { kind: 'resume', actor });
      },
    },
  ];
}

async function readStatus(deps: ApiDeps): Promise<object> {
  const { store, pipeline, version, rules, lastReload, lastWebhookAt } = deps;
  const { at, problems } = lastReload();
  const state = await readStore(store);
  return {
    version,
    accepting: pipeline.isAccepting,
    store: { ok: state.error === null, error: state.error },
    rules_loaded: rules().rules.length,
    last_reload: { at: viewInstant(at), ok: problems.length === 0, problems },
    last_webhook_at: viewInstant(lastWebhookAt()),
    paused: state.error === null ? state.pause !== null : null,
    pause: state.pause,
    storm_since: state.stormSince,
    reconciled_at: state.reconciledAt,
    booted_at: state.bootedAt,
    downtime_seconds: state.downtimeSeconds,
    counts: state.counts,
  };
}

const UNKNOWN_STATE = { pause: null, stormSince: null, reconciledAt: null, bootedAt: null, downtimeSeconds: null, counts: null };

/** What the store knows, or why it cannot be asked: the page that says so has to work without it. */
async function readStore(store: Store): Promise<Readonly<Record<'error' | keyof typeof UNKNOWN_STATE, unknown>>> {
  try {
    const [switches, counts] = await Promise.all([store.switches(), store.counts()]);
    return {
      error: null,
      pause:
        switches.pausedAt === null
          ? null
          : {
              at: viewInstant(switches.pausedAt),
              until: viewInstant(switches.pausedUntil),
              by: switches.pausedBy,
              reason: switches.pauseReason,
            },
      stormSince: viewInstant(switches.stormSince),
      reconciledAt: viewInstant(switches.reconciledAt),
      bootedAt: viewInstant(switches.bootAt),
      downtimeSeconds: switches.downtimeMs / 1_000,
      counts: {
        open_incidents: counts.openIncidents,
        runs_active: counts.runsActive,
        runs_held: counts.runsHeld,
        breakers_open: counts.breakersOpen,
      },
    };
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return { ...UNKNOWN_STATE, error: error.message };
  }
}
