import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createCallLog, describeCalls } from '../slack-and-pagerduty/call-log.ts';
import { createChanges } from '../slack-and-pagerduty/changes.ts';
import { createFaults, type Misbehaviour } from '../slack-and-pagerduty/faults.ts';
import { misbehave } from '../slack-and-pagerduty/misbehave.ts';
import { postToDaemon } from '../slack-and-pagerduty/post-to-daemon.ts';
import { createSlidingWindow } from '../slack-and-pagerduty/sliding-window.ts';
import { startVendorListener, type VendorAnswer, type VendorRequest } from '../slack-and-pagerduty/vendor-listener.ts';
import { alertEventSchema, changeEventSchema, MAX_EVENT_BYTES } from './event-limits.ts';
import { createIncidents } from './incidents.ts';
import type { PagerDutyCall, PagerDutyChange, PagerDutyOptions, PagerDutyServer } from './types.ts';
import { signWebhook, statusAfter, webhookPayload } from './webhook-payload.ts';

const EVENTS_A_MINUTE = 120;
const METHODS = new Map<string, PagerDutyCall['method']>([
  ['/v2/enqueue', 'enqueue'],
  ['/v2/change/enqueue', 'change'],
]);

/**
 * Starts a PagerDuty of our own: Events API v2 over HTTPS (and the same over plain HTTP), and the sender of V3 webhooks.
 *
 *     await using pagerduty = await startPagerDuty();
 *     // point the daemon at pagerduty.eventsUrl with NODE_EXTRA_CA_CERTS=pagerduty.caFile, or at pagerduty.plainUrl
 *     await pagerduty.until((pd) => pd.incident('key')?.status === 'resolved');
 *     pagerduty.fail({ how: { status: 429 }, times: 3 });           // refused
 *     pagerduty.fail({ method: 'enqueue', how: 'cut_after' });      // taken, but nobody is told
 *     const { status, ms } = await pagerduty.webhook({ url, secrets: ['s'], event: 'incident.acknowledged', incident: 'key' });
 *
 * What it checks: the routing key, the shape and the lengths of the event, its 512 KB; on demand the 120 events a minute.
 */
export async function startPagerDuty(options: PagerDutyOptions = {}): Promise<PagerDutyServer> {
  const routingKeys = options.routingKeys ?? ['0123456789abcdef0123456789abcdef'];
  const caFile = fixture('ca.pem');
  const log = createCallLog<PagerDutyCall['method']>();
  const changes: PagerDutyChange[] = [];
  const faults = createFaults<Misbehaviour>();
  const bell = createChanges();
  const stopped = new AbortController();
  const incidents = createIncidents();
  let isLimited = options.rateLimits ?? false;
  let window = createSlidingWindow(EVENTS_A_MINUTE, 60_000);

  const handle = async (request: VendorRequest): Promise<VendorAnswer | 'cut'> => {
    const method = METHODS.get(request.url.pathname) ?? 'unknown';
    const args = parseObject(request.body);
    const end = log.begin(method, args ?? {}, request.headers);
    bell.notify();
    const fault = faults.take(method, args ?? {});
    const answer = await misbehave(fault, () => apply(method, args, request), stopped.signal);
    end(answer === 'cut' ? (typeof fault === 'string' ? fault : 'cut') : `http ${String(answer.status)}`);
    bell.notify();
    return answer;
  };

  const apply = (method: PagerDutyCall['method'], args: Body | undefined, request: VendorRequest): VendorAnswer => {
    if (request.verb !== 'POST' || method === 'unknown') return { status: 404, body: 'Not Found' };
    if (request.body.length > MAX_EVENT_BYTES) return invalid(['the event is larger than 512 KB'], 413);
    if (args === undefined) return invalid(['the body is no JSON object']);
    const refusal = refuseRoutingKey(args['routing_key']);
    if (refusal !== undefined) return refusal;
    const parsed = (method === 'enqueue' ? alertEventSchema : changeEventSchema).safeParse(args);
    if (!parsed.success) {
      return invalid(parsed.error.issues.map(({ path, message }) => `'${path.join('.')}': ${message}`));
    }
    if ('event_action' in parsed.data) {
      const dedupKey = incidents.apply(parsed.data, args);
      bell.notify();
      return { status: 202, body: { status: 'success', message: 'Event processed', dedup_key: dedupKey } };
    }
    if (parsed.data.routing_key.startsWith('R')) return invalid(['change events cannot be sent to a ruleset']);
    changes.push({
      routingKey: parsed.data.routing_key,
      summary: parsed.data.payload.summary,
      body: args,
      at: Date.now(),
    });
    bell.notify();
    return { status: 202, body: { status: 'success', message: 'Change event processed' } };
  };

  const refuseRoutingKey = (key: unknown): VendorAnswer | undefined => {
    // A key of the wrong length is told so by the schema.
    if (typeof key !== 'string' || key.length !== 32) return undefined;
    if (!routingKeys.includes(key)) return invalid(["'routing_key' is unknown"]);
    const waitSeconds = isLimited ? window.take(key) : undefined;
    if (waitSeconds === undefined) return undefined;
    const message = 'Requests for this service are arriving too quickly.  Please retry later.';
    // PagerDuty documents no Retry-After (docs/events-API-v2/05-Rate-Limits.md).
    return { status: 429, body: { status: 'throttle exceeded', message } };
  };

  const tls = { cert: readFileSync(fixture('server.pem'), 'utf8'), key: readFileSync(fixture('server-key.pem'), 'utf8') };
  const secure = await startVendorListener({ tls, handle });
  const plain = await startVendorListener({ handle });
  const address = `127.0.0.1:${String(secure.port)}`;
  const stop = async (): Promise<void> => {
    stopped.abort();
    await secure.goDown();
    await plain.goDown();
  };

  const server: PagerDutyServer = {
    eventsUrl: `https://${address}`,
    plainUrl: `http://127.0.0.1:${String(plain.port)}`,
    server: address,
    ca: readFileSync(caFile, 'utf8'),
    caFile,
    routingKey: routingKeys[0] ?? '',
    incidents: incidents.all,
    incident: incidents.find,
    events: incidents.events,
    changes,
    calls: log.calls,
    fail: faults.fail,
    stopFailing: faults.stopFailing,
    goDown: async () => {
      await secure.goDown();
      await plain.goDown();
    },
    comeBack: async () => {
      await secure.comeBack();
      await plain.comeBack();
    },
    limitRates: (isOn) => {
      isLimited = isOn;
      window = createSlidingWindow(EVENTS_A_MINUTE, 60_000);
    },
    until: (isMet, timeoutMs) =>
      bell.until(
        () => isMet(server),
        timeoutMs,
        () => describeCalls(log.calls),
      ),
    webhook: (webhook) => {
      const incident = typeof webhook.incident === 'string' ? incidents.find(webhook.incident) : webhook.incident;
      if (webhook.incident !== undefined && incident === undefined) {
        throw new Error(`PagerDuty knows no incident ${JSON.stringify(webhook.incident)}`);
      }
      const rawBody = webhook.rawBody ?? JSON.stringify(webhookPayload(webhook, incident));
      const status = statusAfter(webhook.event);
      if (incident !== undefined && status !== undefined) incidents.setStatus(incident.id, status);
      bell.notify();
      return postToDaemon(webhook.url, rawBody, {
        'content-type': 'application/json',
        'user-agent': 'PagerDuty-Webhook/V3.0',
        'x-webhook-id': webhook.webhookId ?? randomUUID(),
        'x-pagerduty-signature': webhook.signatures ?? webhook.secrets.map((secret) => signWebhook(secret, rawBody)).join(','),
        ...webhook.headers,
      });
    },
    sign: signWebhook,
    stop,
    [Symbol.asyncDispose]: stop,
  };
  return server;
}

type Body = Readonly<Record<string, unknown>>;

function parseObject(body: Buffer): Body | undefined {
  try {
    const parsed: unknown = JSON.parse(body.toString());
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}

function invalid(errors: readonly string[], status = 400): VendorAnswer {
  return { status, body: { status: 'invalid event', message: 'Event object is invalid', errors } };
}

function fixture(name: string): string {
  return fileURLToPath(new URL(`../../../fixtures/tls/${name}`, import.meta.url));
}
