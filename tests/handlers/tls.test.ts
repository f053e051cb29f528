import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { alertOf, payloadOf, startEdge, type Edge } from './edge.ts';

const file = (name: string): string => join(import.meta.dirname, '../fixtures/tls', name);

describe.each([
  ['by its common name', 'alertmanager'],
  ['by its whole subject', 'O=monitoring,CN=alertmanager'],
])('a client certificate, %s', (_how, subject) => {
  let edge: Edge;
  beforeAll(async () => {
    edge = await startEdge({
      webhook: [{ kind: 'client_cert', name: 'mtls', subject }],
      tls: { certFile: file('server.pem'), keyFile: file('server-key.pem'), clientCaFile: file('ca.pem') },
    });
  });
  afterAll(() => edge.stop());

  /** The status of a webhook that was sent with this certificate. */
  function send(certificate?: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const sent = request(`${edge.url}/webhooks/alertmanager`, {
        method: 'POST',
        agent: false,
        ca: readFileSync(file('ca.pem')),
        headers: { 'content-type': 'application/json' },
        ...(certificate === undefined
          ? {}
          : { cert: readFileSync(file(`${certificate}.pem`)), key: readFileSync(file(`${certificate}-key.pem`)) }),
      });
      sent.once('error', reject).once('response', (response) => {
        response.resume().once('end', () => resolve(response.statusCode ?? 0));
      });
      sent.end(JSON.stringify(payloadOf([alertOf({ alertname: 'A' })])));
    });
  }

  it('lets its owner in, as the source of the alerts', async () => {
    expect(edge.url).toMatch(/^https:/);
    expect(await send('client')).toBe(202);
    expect((await edge.firing()).map(({ source }) => source)).toEqual(['mtls']);
  });

  it.each([
    ['nobody without one', undefined],
    ['nobody with one of the same name that another authority signed', 'forged'],
    ['nobody with one of another name', 'server'],
  ])('lets %s in', async (_who, certificate) => {
    expect(await send(certificate)).toBe(401);
  });
});
