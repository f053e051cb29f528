import { connect, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import * as z from 'zod';

/** One load: so many connections that each send a request, wait for its answer, and send the next. */
export const loadSchema = z.object({
  port: z.int(),
  path: z.string(),
  connections: z.int().min(1),
  durationMs: z.number(),
  /** Alerts in a request. */
  alerts: z.int().min(1),
  /** `repeat` sends the same alerts again and again; `new` never sends one twice; `get` only asks. */
  kind: z.enum(['repeat', 'new', 'get']),
  alertname: z.string(),
  /** Requests per second over all connections; unlimited when absent. */
  ratePerSecond: z.number().optional(),
  /** Ends after so many requests, whatever time is left. */
  maxRequests: z.int().optional(),
  token: z.string().optional(),
  /** Keeps the alerts of different loads apart. */
  seed: z.int(),
});
export type Load = z.infer<typeof loadSchema>;

export interface LoadResult {
  readonly requests: number;
  /** Answers other than 2xx, and connections that broke. */
  readonly refused: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Digits of an alert's number: of fixed width, so that a request is made by overwriting bytes. */
const WIDTH = 12;
const MARK = 'N'.repeat(WIDTH);

function buildBody(load: Load): string {
  const alerts = Array.from({ length: load.alerts }, (_, index) => ({
    status: 'firing',
    labels: {
      alertname: load.alertname,
      cluster: 'bench',
      severity: 'critical',
      instance: MARK,
      slot: String(index),
      seed: String(load.seed),
    },
    annotations: { summary: 'An alert of the benchmark, with a summary of about the usual length.' },
    startsAt: '2026-11-21T08:00:00.123Z',
    endsAt: '0001-01-01T00:00:00Z',
    generatorURL: 'http://prometheus:9090/graph?g0.expr=up&g0.tab=1',
    fingerprint: '50163065262e8a8d',
  }));
  return JSON.stringify({
    receiver: 'remedyd',
    status: 'firing',
    alerts,
    groupLabels: { alertname: load.alertname, instance: MARK, seed: String(load.seed) },
    commonLabels: { alertname: load.alertname },
    commonAnnotations: {},
    externalURL: 'http://alertmanager:9093',
    version: '4',
    groupKey: `{}:{alertname="${load.alertname}"}`,
    truncatedAlerts: 0,
  });
}

function buildRequest(load: Load): { request: Buffer; places: number[] } {
  const body = load.kind === 'get' ? '' : buildBody(load);
  const head = [
    `${load.kind === 'get' ? 'GET' : 'POST'} ${load.path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'User-Agent: Alertmanager/0.25.0',
    ...(load.kind === 'get' ? [] : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`]),
    ...(load.token === undefined ? [] : [`Authorization: Bearer ${load.token}`]),
    '',
    '',
  ].join('\r\n');
  const request = Buffer.from(head + body);
  const places: number[] = [];
  for (let at = request.indexOf(MARK); at >= 0; at = request.indexOf(MARK, at + WIDTH)) places.push(at);
  return { request, places };
}

/** Whether an answer is complete: a head, and as many bytes as it announces. */
function isWhole(received: string): boolean {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return false;
  const length = Number(/content-length: (\d+)/i.exec(received)?.[1] ?? 0);
  return received.length >= headEnd + 4 + length;
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function runLoad(load: Load): Promise<LoadResult> {
  const { request, places } = buildRequest(load);
  const maxRequests = load.maxRequests ?? Infinity;
  let number = 1;
  let sent = 0;
  let requests = 0;
  let refused = 0;
  let open = load.connections;
  const latencies: number[] = [];
  const startedAt = performance.now();
  const endsAt = startedAt + load.durationMs;
  return new Promise((resolve) => {
    const finish = (): void => {
      open -= 1;
      if (open > 0) return;
      latencies.sort((a, b) => a - b);
      const seconds = (performance.now() - startedAt) / 1000;
      resolve({ requests, refused, seconds, p50Ms: percentile(latencies, 0.5), p99Ms: percentile(latencies, 0.99) });
    };
    for (let index = 0; index < load.connections; index += 1) {
      const own = Buffer.from(request);
      const socket: Socket = connect(load.port, '127.0.0.1');
      socket.setNoDelay(true);
      let sentAt = 0;
      let received = '';
      const send = (): void => {
        sent += 1;
        // Repeats come from a fixed set, one for each connection, as those of many groups do.
        const text = String(load.kind === 'new' ? number++ : index).padStart(WIDTH, '0');
        for (const place of places) own.write(text, place, 'latin1');
        sentAt = performance.now();
        socket.write(own);
      };
      const next = (): void => {
        if (performance.now() >= endsAt || sent >= maxRequests) return void socket.end();
        if (load.ratePerSecond === undefined) return send();
        const dueAt = startedAt + ((requests + index) / load.ratePerSecond) * 1000;
        setTimeout(send, Math.max(0, dueAt - performance.now()));
      };
      socket.on('connect', next);
      socket.on('data', (chunk: Buffer) => {
        received += chunk.toString('latin1');
        if (!isWhole(received)) return;
        latencies.push(performance.now() - sentAt);
        requests += 1;
        if (!received.startsWith('HTTP/1.1 2')) refused += 1;
        received = '';
        next();
      });
      socket.on('error', () => (refused += 1));
      socket.on('close', finish);
    }
  });
}

if (parentPort !== null) {
  const port = parentPort;
  port.postMessage(await runLoad(loadSchema.parse(workerData)));
}
