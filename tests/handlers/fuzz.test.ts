import * as fc from 'fast-check';
import { request as httpRequest, Agent } from 'node:http';
import { alertOf, payloadOf, startEdge, tokenOf, WEBHOOK_TOKEN, type Edge } from './edge.ts';

/** Cases of each property. */
const RUNS = 1_500;

let edge: Edge;
const agent = new Agent({ keepAlive: true, maxSockets: 4 });
beforeAll(async () => {
  edge = await startEdge({ bodyBytes: 1_048_576 });
});
afterAll(async () => {
  agent.destroy();
  await edge.stop();
});

/** What the daemon answers; a connection that it ends without an answer is a failure. */
function send(
  path: string,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${edge.url}${path}`, {
      method: 'POST',
      agent,
      headers: { ...headers, 'content-length': body.length },
    });
    request.once('error', reject);
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.end(body);
  });
}

async function expectCalm(body: Uint8Array | string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const { status, text } = await send(
    '/webhooks/alertmanager',
    { authorization: `Bearer ${WEBHOOK_TOKEN}`, 'content-type': 'application/json', ...headers },
    bytes,
  );
  expect([202, 400, 413, 415]).toContain(status);
  expect(text).not.toMatch(/\bat .*[/\\]\w+\.ts/);
}

/** A message in which one value somewhere was replaced by any JSON. */
const mutated = fc.tuple(fc.jsonValue({ maxDepth: 3 }), fc.nat()).map(([value, choice]) => {
  const payload = payloadOf([alertOf({ alertname: 'A', name: 'x' }), alertOf({ alertname: 'Act', name: 'y' })]);
  const places: (() => void)[] = [];
  const visit = (holder: Record<string, unknown>): void => {
    for (const key of Object.keys(holder)) {
      places.push(() => (holder[key] = value));
      const child = holder[key];
      if (typeof child === 'object' && child !== null) visit(child as Record<string, unknown>);
    }
  };
  visit(payload);
  places[choice % places.length]?.();
  return JSON.stringify(payload);
});

/** The text of a message with a piece cut out or overwritten. */
const mangled = fc
  .tuple(mutated, fc.nat(), fc.nat({ max: 20 }), fc.string({ maxLength: 5, unit: 'binary' }))
  .map(([text, start, length, insert]) => {
    const at = start % text.length;
    return text.slice(0, at) + insert + text.slice(at + length);
  });

const anyText = fc.string({ unit: 'binary', maxLength: 30 });
const anyAlert = fc
  .tuple(
    fc.dictionary(anyText, anyText, { maxKeys: 5 }),
    fc.constantFrom('firing', 'resolved', 'x'),
    fc.oneof(fc.date().map(String), anyText, fc.constant('2026-11-20T15:54:48.913Z')),
  )
  .map(([labels, status, instant]) => alertOf(labels, { status, startsAt: instant, endsAt: instant }));

describe('nothing that is sent breaks the daemon', () => {
  it.each([
    ['any bytes', fc.uint8Array({ maxLength: 200 })],
    ['messages with a wrong value', mutated],
    ['messages that are damaged', mangled],
    ['alerts with any labels', fc.array(anyAlert, { maxLength: 5 }).map((alerts) => JSON.stringify(payloadOf(alerts)))],
  ])('%s', async (_what, bodies) => {
    await fc.assert(
      fc.asyncProperty(bodies as fc.Arbitrary<Uint8Array | string>, (body) => expectCalm(body)),
      { numRuns: RUNS },
    );
    expect(edge.faults).toEqual([]);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('any content encoding', async () => {
    const encodings = fc.constantFrom('gzip', 'deflate', 'br', 'identity', 'gzip, gzip', '');
    await fc.assert(
      fc.asyncProperty(encodings, fc.uint8Array({ maxLength: 100 }), (encoding, body) =>
        expectCalm(body, { 'content-encoding': encoding }),
      ),
      { numRuns: RUNS / 5 },
    );
  });

  it('any body of an API call', async () => {
    const paths = fc.constantFrom(
      '/api/v1/incidents',
      '/api/v1/incidents/inc_x/retry',
      '/api/v1/pause',
      '/api/v1/runs/run_x/cancel',
    );
    await fc.assert(
      fc.asyncProperty(paths, fc.jsonValue({ maxDepth: 3 }), async (path, body) => {
        const { status } = await send(
          path,
          { authorization: `Bearer ${tokenOf('admin')}`, 'content-type': 'application/json' },
          Buffer.from(JSON.stringify(body)),
        );
        expect(status).toBeLessThan(500);
      }),
      { numRuns: RUNS / 5 },
    );
    expect(edge.faults).toEqual([]);
  });
});
