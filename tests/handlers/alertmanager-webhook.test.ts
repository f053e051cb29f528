import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { Secret } from '../../src/domain/secret.ts';
import { labelsOf } from '../support/labels-of.ts';
import { alertOf, payloadOf, startEdge, STARTS_AT, WEBHOOK_TOKEN, ZERO_TIME, type Edge } from './edge.ts';

const BODY_BYTES = 8 * 1_048_576;
const LATER = '2026-11-20T16:00:00Z';

let edge: Edge;
beforeEach(async () => {
  edge = await startEdge({ bodyBytes: BODY_BYTES });
});
afterEach(async () => {
  expect(edge.faults).toEqual([]);
  await edge.stop();
});

async function openIncidents() {
  return (await edge.store.listIncidents({ status: 'open', limit: 100 })).items;
}

async function quarantined() {
  return edge.store.listQuarantined(1_000);
}

async function answerOf(body: unknown, headers?: Readonly<Record<string, string>>) {
  const response = await edge.post(body, headers);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** Runs are counted by their claims: what was started for a target. */
async function runCount() {
  const details = await Promise.all((await openIncidents()).map((incident) => edge.store.incidentDetail(incident.id)));
  return details.reduce((sum, detail) => sum + (detail?.runs.length ?? 0), 0);
}

const head = (extra = ''): string =>
  `POST /webhooks/alertmanager HTTP/1.1\r\nHost: remedyd\r\nAuthorization: Bearer ${WEBHOOK_TOKEN}\r\nContent-Type: application/json\r\n${extra}\r\n`;

function openSocket() {
  const socket = connect(Number(new URL(edge.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  return socket;
}

/** Everything that the daemon says until it closes the connection. */
async function talk(...parts: readonly string[]): Promise<string> {
  const socket = openSocket();
  let said = '';
  socket.setEncoding('utf8').on('data', (text: string) => (said += text));
  for (const part of parts) socket.write(part);
  await once(socket, 'close');
  return said;
}

const act = (name: string, more = {}) =>
  payloadOf([alertOf({ alertname: 'Act', name }, more)], { groupLabels: { alertname: 'Act' } });

/** The cases of a receiver, by the numbers of the list they come from. The others are about decisions, not about receiving. */
const cases: readonly (readonly [number, string, () => Promise<void>])[] = [
  [
    1,
    'the same webhook three times is one run',
    async () => {
      for (let i = 0; i < 3; i += 1) expect((await edge.post(act('a'))).status).toBe(202);
      expect(await runCount()).toBe(1);
    },
  ],
  [
    2,
    'the same webhook 50 times at once is one run',
    async () => {
      const answers = await Promise.all(Array.from({ length: 50 }, () => edge.post(act('a'))));
      expect(answers.every(({ status }) => status === 202)).toBe(true);
      expect(await runCount()).toBe(1);
    },
  ],
  [
    3,
    'two Alertmanagers with the same alerts are one run',
    async () => {
      await Promise.all([edge.post(act('a')), edge.post({ ...act('a'), externalURL: 'http://other:9093' })]);
      expect(await runCount()).toBe(1);
    },
  ],
  [
    4,
    'one alert by two routes is one run',
    async () => {
      await edge.post({ ...act('a'), groupKey: '{}/{a="b"}:{}' });
      await edge.post({ ...act('a'), groupKey: '{}/{c="d"}:{}', groupLabels: {} });
      expect(await runCount()).toBe(1);
      expect(await openIncidents()).toHaveLength(1);
    },
  ],
  [
    5,
    'startsAt that moves back is the same episode',
    async () => {
      await edge.post(act('a'));
      await edge.post(act('a', { startsAt: '2026-11-20T15:50:03.913Z' }));
      const [episode, ...more] = await edge.firing();
      expect(more).toEqual([]);
      expect(episode?.startsAt).toBe(Date.parse('2026-11-20T15:50:03.913Z'));
    },
  ],
  [
    7,
    'in a mixed group each alert is judged by its own status',
    async () => {
      await edge.post(payloadOf([alertOf({ alertname: 'A', i: '1' }), alertOf({ alertname: 'A', i: '2' })]));
      await edge.post(
        payloadOf([
          alertOf({ alertname: 'A', i: '1' }, { status: 'resolved', endsAt: LATER }),
          alertOf({ alertname: 'A', i: '2' }),
        ]),
      );
      expect((await edge.firing()).map(({ labels }) => labels['i'])).toEqual(['2']);
    },
  ],
  [
    8,
    'truncated alerts are shown on the incident, and resolved ones do not close it',
    async () => {
      await edge.post(payloadOf([alertOf({ alertname: 'A' })]));
      await edge.post(
        payloadOf([alertOf({ alertname: 'A' }, { status: 'resolved', endsAt: LATER })], {
          status: 'resolved',
          truncatedAlerts: 1,
        }),
      );
      expect((await openIncidents()).map(({ truncatedAlerts }) => truncatedAlerts)).toEqual([1]);
    },
  ],
  [
    9,
    'resolved for an unknown alert does nothing',
    async () => {
      expect((await edge.post(act('a', { status: 'resolved', endsAt: LATER }))).status).toBe(202);
      expect(await openIncidents()).toEqual([]);
    },
  ],
  [
    10,
    'the same resolved twice is only counted',
    async () => {
      await edge.post(act('a'));
      const resolved = act('a', { status: 'resolved', endsAt: LATER });
      expect([(await edge.post(resolved)).status, (await edge.post(resolved)).status]).toEqual([202, 202]);
      expect((await edge.metrics.render()).text).toContain('remedyd_alerts_stale_total 1');
    },
  ],
  [
    11,
    'a firing copy that comes after its resolve is doubtful',
    async () => {
      await edge.post(act('a'));
      await edge.post(act('a', { status: 'resolved', endsAt: LATER }));
      await edge.post(act('a'));
      const [episode] = await edge.firing();
      expect(episode?.unconfirmedUntil).not.toBeNull();
    },
  ],
  [
    14,
    'endsAt in the future does not end what fires',
    async () => {
      await edge.post(payloadOf([alertOf({ alertname: 'A' }, { endsAt: '2099-01-01T00:00:00Z' })]));
      expect(await edge.firing()).toHaveLength(1);
    },
  ],
  [
    15,
    'endsAt zero, absent or null is no end',
    async () => {
      const alerts = [ZERO_TIME, undefined, null, ''].map((endsAt, i) => alertOf({ alertname: 'A', i: String(i) }, { endsAt }));
      expect((await answerOf(payloadOf(alerts))).body).toEqual({ accepted: 4, quarantined: 0 });
    },
  ],
  [
    16,
    'nanoseconds and offsets are understood',
    async () => {
      await edge.post(payloadOf([alertOf({ alertname: 'A' }, { startsAt: '2024-02-29T23:59:59.123456789+05:30' })]));
      const [episode] = await edge.firing();
      expect(episode?.startsAt).toBe(Date.parse('2024-02-29T18:29:59.123Z'));
    },
  ],
  [
    17,
    'the years 1 and 9999 are instants',
    async () => {
      const alerts = [ZERO_TIME, '9999-12-31T23:59:59Z'].map((startsAt, i) =>
        alertOf({ alertname: 'A', i: String(i) }, { startsAt }),
      );
      expect((await answerOf(payloadOf(alerts))).body).toEqual({ accepted: 2, quarantined: 0 });
      const [incident] = await openIncidents();
      const answer = await edge.api('GET', `/api/v1/incidents/${incident?.id ?? ''}`, 'viewer');
      const view = (await answer.json()) as { alerts: { starts_at: string }[] };
      expect(view.alerts.map(({ starts_at }) => starts_at).sort()).toEqual([
        '0001-01-01T00:00:00.000Z',
        '9999-12-31T23:59:59.000Z',
      ]);
    },
  ],
  [
    18,
    'a startsAt in the future gives no negative duration',
    async () => {
      await edge.post(act('a', { startsAt: '2099-01-01T00:00:00Z' }));
      expect(await runCount()).toBe(1);
      expect((await edge.metrics.render()).text).not.toMatch(/_sum\S* -/);
    },
  ],
  [
    19,
    'no alerts are accepted, a missing or null list is not',
    async () => {
      expect((await answerOf(payloadOf([]))).status).toBe(202);
      for (const alerts of [null, undefined, {}, 'x', 7]) {
        const { status, body } = await answerOf(payloadOf(alerts));
        expect(status).toBe(400);
        expect(body).toEqual({ error: { code: 'wrong_shape', message: expect.stringMatching(/^alerts: .*not a list$/) } });
      }
    },
  ],
  [
    20,
    'an alert without labels is quarantined',
    async () => {
      expect((await answerOf(payloadOf([alertOf({}), alertOf({ only: '' }), alertOf({ alertname: 'A' })]))).body).toEqual({
        accepted: 1,
        quarantined: 2,
      });
    },
  ],
  [
    21,
    'labels that are not texts are quarantined, with the place',
    async () => {
      const alerts = [1, null, {}, ['x'], true].map((value) => alertOf({ alertname: 'A', bad: value }));
      expect((await answerOf(payloadOf([...alerts, alertOf({ alertname: 'A' })]))).body).toEqual({ accepted: 1, quarantined: 5 });
      expect((await quarantined()).map(({ reason }) => reason).sort()[0]).toBe('alerts[0].labels."bad": a number, not a string');
    },
  ],
  [
    22,
    'an unknown status is quarantined',
    async () => {
      expect((await answerOf(payloadOf([alertOf({ alertname: 'A' }, { status: 'suppressed' })]))).body).toEqual({
        accepted: 0,
        quarantined: 1,
      });
    },
  ],
  [
    23,
    'an escaped receiver name is only a name',
    async () => {
      expect((await answerOf(payloadOf([alertOf({ alertname: 'A' })], { receiver: 'team\\.x\\+y \\(a\\)' }))).status).toBe(202);
    },
  ],
  [
    24,
    'labels named like members of objects are data, and absent ones are absent',
    async () => {
      const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length', '__defineGetter__'];
      await edge.post(payloadOf([alertOf({ alertname: 'Other' })]));
      expect(await openIncidents()).toEqual([]);
      const body = JSON.stringify(payloadOf([alertOf({ alertname: 'X' })])).replace(
        '"alertname":"X"',
        names.map((name) => `"${name}":"v-${name}"`).join(','),
      );
      expect((await answerOf(body)).body).toEqual({ accepted: 1, quarantined: 0 });
      expect((await openIncidents()).map(({ rule }) => rule)).toEqual(['constructor-trap']);
      const stored = (await edge.firing()).find(({ labels }) => labels['length'] !== undefined);
      expect(Object.entries(stored?.labels ?? {}).sort()).toEqual(names.map((name) => [name, `v-${name}`]).sort());
      expect(Object.keys(Object.prototype)).toEqual([]);
    },
  ],
  ...(
    [
      [25, 'NUL', 'a\0b'],
      [26, 'ESC', '\u001b[31mred'],
      [27, 'CRLF', 'a\r\nX-Evil: 1'],
      [28, 'U+2028', 'a\u2028b'],
      [29, 'bidi override', 'a\u202eb'],
    ] as const
  ).map(([id, name, value]): (typeof cases)[number] => [
    id,
    `${name} in a label is data`,
    async () => {
      expect((await edge.post(payloadOf([alertOf({ alertname: 'A', value })]))).status).toBe(202);
      expect((await edge.firing()).map(({ labels }) => labels['value'])).toEqual([value]);
    },
  ]),
  [
    30,
    'a lone surrogate becomes the replacement character',
    async () => {
      const body = JSON.stringify(payloadOf([alertOf({ alertname: 'A', value: 'LONE' })])).replace('LONE', '\\ud800');
      expect((await edge.post(body)).status).toBe(202);
      expect((await edge.firing()).map(({ labels }) => labels['value'])).toEqual(['\ufffd']);
    },
  ],
  [
    31,
    'bytes that are not UTF-8 are refused',
    async () => {
      const body = Buffer.from(
        JSON.stringify(payloadOf([alertOf({ alertname: 'A', value: 'LONE' })])).replace('LONE', '\xff'),
        'latin1',
      );
      expect(await answerOf(body)).toEqual({
        status: 400,
        body: { error: { code: 'not_json', message: 'the body is not UTF-8' } },
      });
    },
  ],
  [
    32,
    'a byte order mark is skipped',
    async () => {
      expect((await edge.post(`\ufeff${JSON.stringify(payloadOf([alertOf({ alertname: 'A' })]))}`)).status).toBe(202);
    },
  ],
  [
    33,
    'of repeated keys the last one counts',
    async () => {
      const body = JSON.stringify(payloadOf([alertOf({ alertname: 'A', x: '1' })])).replace('"x":"1"', '"x":"1","x":"2"');
      expect((await edge.post(body)).status).toBe(202);
      expect((await edge.firing()).map(({ labels }) => labels['x'])).toEqual(['2']);
    },
  ],
  [
    34,
    '1e400 is harmless where it is ignored, and refused where it counts',
    async () => {
      const body = JSON.stringify(payloadOf([alertOf({ alertname: 'A' })], { unknown: 0, truncatedAlerts: 0 }));
      expect((await edge.post(body.replace('"unknown":0', '"unknown":1e400'))).status).toBe(202);
      expect((await edge.post(body.replace('"truncatedAlerts":0', '"truncatedAlerts":1e400'))).status).toBe(400);
    },
  ],
  [
    35,
    '200,000 levels of nesting overflow nothing',
    async () => {
      const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
      const body = JSON.stringify(payloadOf([alertOf({ alertname: 'A', bad: 'DEEP' })], { unknown: 'DEEP' })).replaceAll(
        '"DEEP"',
        deep,
      );
      expect((await answerOf(body)).body).toEqual({ accepted: 0, quarantined: 1 });
      expect((await edge.post(deep)).status).toBe(400);
      expect((await quarantined())[0]?.payload.length).toBeLessThan(10_000);
    },
  ],
  [
    36,
    '10,000 alerts in one body are accepted',
    async () => {
      const alerts = Array.from({ length: 10_000 }, (_, i) =>
        alertOf({ alertname: 'Nobody', instance: `host-${i}`, job: 'node' }),
      );
      expect((await answerOf(payloadOf(alerts))).body).toEqual({ accepted: 10_000, quarantined: 0 });
      expect(await edge.firing()).toHaveLength(10_000);
    },
  ],
  [
    37,
    'a label of 2 MB is kept',
    async () => {
      const value = 'x'.repeat(2_000_000);
      expect((await edge.post(payloadOf([alertOf({ alertname: 'A', value })], { commonLabels: { value } }))).status).toBe(202);
      expect((await edge.firing())[0]?.labels['value']).toHaveLength(2_000_000);
    },
  ],
  [
    38,
    'compressed bodies are read, and bombs are not',
    async () => {
      const body = JSON.stringify(payloadOf([alertOf({ alertname: 'A' })]));
      expect((await edge.post(gzipSync(body), { 'content-encoding': 'gzip' })).status).toBe(202);
      expect((await edge.post(deflateSync(body), { 'content-encoding': 'deflate' })).status).toBe(202);
      expect((await edge.post(body, { 'content-encoding': 'br' })).status).toBe(415);
      expect((await edge.post('not gzip', { 'content-encoding': 'gzip' })).status).toBe(400);
      expect((await edge.post(gzipSync(Buffer.alloc(100 * 1_048_576)), { 'content-encoding': 'gzip' })).status).toBe(413);
    },
  ],
  [
    39,
    'a chunked body without a length is read',
    async () => {
      const body = JSON.stringify(payloadOf([alertOf({ alertname: 'A' })]));
      const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
      const said = await talk(
        head('Transfer-Encoding: chunked\r\nConnection: close\r\n'),
        chunk(body.slice(0, 50)),
        chunk(body.slice(50)),
        '0\r\n\r\n',
      );
      expect(said).toMatch(/^HTTP\/1\.1 202 /);
    },
  ],
  [
    40,
    'a slow body holds up nobody else',
    async () => {
      const slow = openSocket();
      slow.write(`${head('Content-Length: 1000\r\n')}{`);
      await once(slow, 'connect');
      expect((await edge.post(payloadOf([alertOf({ alertname: 'A' })]))).status).toBe(202);
      slow.destroy();
    },
  ],
  [
    41,
    'half a body and a reset leave nothing behind',
    async () => {
      const socket = openSocket();
      await once(socket, 'connect');
      const body = JSON.stringify(payloadOf([alertOf({ alertname: 'A' })]));
      socket.write(`${head(`Content-Length: ${body.length}\r\n`)}${body.slice(0, body.length / 2)}`, () =>
        socket.resetAndDestroy(),
      );
      await once(socket, 'close');
      expect((await edge.post(payloadOf([alertOf({ alertname: 'Other' })]))).status).toBe(202);
      expect((await edge.firing()).map(({ alertname }) => alertname)).toEqual(['Other']);
    },
  ],
  [
    42,
    'what a client sent before it went away is committed once',
    async () => {
      const socket = openSocket();
      const body = JSON.stringify(act('a'));
      await new Promise((resolve) => socket.write(`${head(`Content-Length: ${body.length}\r\n`)}${body}`, resolve));
      socket.end();
      socket.resume();
      await once(socket, 'close');
      while ((await edge.firing()).length === 0) await new Promise((resolve) => setImmediate(resolve));
      expect((await edge.post(act('a'))).status).toBe(202);
      expect(await runCount()).toBe(1);
    },
  ],
  [
    43,
    'Expect: 100-continue is answered',
    async () => {
      const body = JSON.stringify(payloadOf([alertOf({ alertname: 'A' })]));
      const said = await talk(head(`Content-Length: ${body.length}\r\nExpect: 100-continue\r\nConnection: close\r\n`), body);
      expect(said).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 202 /);
    },
  ],
  [
    44,
    'pipelined requests are all answered; HTTP/2 without upgrade is refused',
    async () => {
      const body = JSON.stringify(payloadOf([alertOf({ alertname: 'A' })]));
      const request = (connection: string): string =>
        `${head(`Content-Length: ${body.length}\r\nConnection: ${connection}\r\n`)}${body}`;
      const said = await talk(request('keep-alive') + request('keep-alive') + request('close'));
      expect(said.match(/HTTP\/1\.1 202 /g)).toHaveLength(3);
      expect(await talk('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    },
  ],
  [
    45,
    'another content type is refused',
    async () => {
      expect((await edge.post(payloadOf([]), { 'content-type': 'text/plain' })).status).toBe(415);
      expect((await edge.post(payloadOf([]), { 'content-type': 'application/jsonp' })).status).toBe(415);
      expect((await edge.post(payloadOf([]), { 'content-type': 'Application/JSON; charset=utf-8' })).status).toBe(202);
    },
  ],
  [
    46,
    'a groupKey of 10 KB is only text',
    async () => {
      expect((await edge.post(payloadOf([alertOf({ alertname: 'A' })], { groupKey: 'k'.repeat(10_240) }))).status).toBe(202);
    },
  ],
  [
    47,
    'a groupKey that changes is the same incident',
    async () => {
      await edge.post(payloadOf([alertOf({ alertname: 'A', i: '1' })], { groupKey: 'one' }));
      await edge.post(payloadOf([alertOf({ alertname: 'A', i: '2' })], { groupKey: 'two' }));
      expect(await openIncidents()).toHaveLength(1);
    },
  ],
  [
    48,
    'a custom payload is refused, and the answer says why',
    async () => {
      const { status, body } = await answerOf({ text: 'ServerDown' });
      expect(status).toBe(400);
      expect(JSON.stringify(body)).toContain('remove `payload` from the webhook_config');
      expect((await edge.post(payloadOf([], { version: '5' }))).status).toBe(400);
    },
  ],
  [
    49,
    'label names may be any text',
    async () => {
      const labels = { alertname: 'A', 'a b': '1', 'c.d': '2', 'e"f': '3', ü: '4' };
      await edge.post(payloadOf([alertOf(labels)]));
      expect((await edge.firing())[0]?.labels).toEqual(labelsOf(labels));
    },
  ],
  [
    50,
    'an empty label is no label',
    async () => {
      await edge.post(payloadOf([alertOf({ alertname: 'A', x: '' }), alertOf({ alertname: 'A' })]));
      expect(await edge.firing()).toHaveLength(1);
    },
  ],
  [
    53,
    'until the daemon has started, and once it stops, it says 503',
    async () => {
      edge.pipeline.stopAccepting();
      const response = await edge.post(payloadOf([alertOf({ alertname: 'A' })]));
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
      const starting = await startEdge({ isStarted: false });
      expect((await starting.post(payloadOf([]))).status).toBe(503);
      expect((await starting.api('GET', '/-/ready')).status).toBe(503);
      await starting.pipeline.start();
      expect((await starting.post(payloadOf([]))).status).toBe(202);
      await starting.stop();
    },
  ],
  [
    54,
    'a thousand connections at once are all answered',
    async () => {
      const body = JSON.stringify(payloadOf([alertOf({ alertname: 'A' })]));
      const request = `${head(`Content-Length: ${body.length}\r\nConnection: close\r\n`)}${body}`;
      const answers = await Promise.all(Array.from({ length: 1_000 }, () => talk(request)));
      expect(answers.filter((said) => said.startsWith('HTTP/1.1 202 '))).toHaveLength(1_000);
    },
  ],
];

describe('edge cases of a receiver', () => {
  it.each(cases)('%i: %s', async (_id, _title, prove) => {
    await prove();
  });
});

describe('recorded requests of Alertmanager 0.25', () => {
  interface Recorded {
    readonly headers: Record<string, string>;
    readonly body: string;
  }
  const file = join(import.meta.dirname, '../fixtures/alertmanager-0.25-webhooks.jsonl');
  const recorded = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Recorded);

  it('all go through, with every alert', async () => {
    expect(recorded).toHaveLength(50);
    for (const { body } of recorded) {
      const { alerts } = JSON.parse(body) as { alerts: unknown[] };
      expect(await answerOf(body)).toEqual({ status: 202, body: { accepted: alerts.length, quarantined: 0 } });
    }
    expect(await quarantined()).toEqual([]);
  });
});

describe('credentials', () => {
  const credentials = [
    { kind: 'bearer', name: 'old', token: new Secret('old-token') },
    { kind: 'bearer', name: 'new', token: new Secret('new-token') },
    { kind: 'basic', name: 'staging', username: 'u', password: new Secret('p:w') },
  ] as const;
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

  it.each([
    ['Bearer old-token', 'old'],
    ['bearer new-token', 'new'],
    [basic('u:p:w'), 'staging'],
  ])('%s is the source %s', async (authorization, source) => {
    const own = await startEdge({ webhook: credentials });
    expect((await own.post(payloadOf([alertOf({ alertname: 'A' })]), { authorization })).status).toBe(202);
    expect((await own.firing()).map((episode) => episode.source)).toEqual([source]);
    await own.stop();
  });

  it.each([
    '',
    'Bearer',
    'Bearer wrong',
    'Bearer old-token x',
    'Basic old-token',
    basic('u:wrong'),
    basic('old-token'),
    'Bearer u:p:w',
  ])('refuses %p before it reads the body', async (authorization) => {
    const own = await startEdge({ webhook: credentials });
    const socket = connect(Number(new URL(own.url).port), '127.0.0.1');
    const header = authorization === '' ? '' : `Authorization: ${authorization}\r\n`;
    socket.write(
      `POST /webhooks/alertmanager HTTP/1.1\r\nHost: x\r\n${header}Content-Type: application/json\r\nContent-Length: 99999\r\n\r\n{`,
    );
    const [said] = (await once(socket.setEncoding('utf8'), 'data')) as [string];
    expect(said).toMatch(/^HTTP\/1\.1 401 /);
    expect(said).not.toMatch(/old-token|p:w/);
    socket.destroy();
    await own.stop();
  });

  it('takes everything of loopback while none is configured', async () => {
    const own = await startEdge({ webhook: [] });
    expect((await own.post(payloadOf([alertOf({ alertname: 'A' })]), { authorization: '' })).status).toBe(202);
    expect((await own.firing()).map((episode) => episode.source)).toEqual(['default']);
    await own.stop();
  });
});

describe('the route', () => {
  it.each(['/webhooks/alertmanager', '/webhooks/alertmanager/', '/webhooks/alertmanager?x=1', '/webhooks/alertmanager/?x=1'])(
    'answers %s without a redirect, under any host name',
    async (path) => {
      const body = JSON.stringify(payloadOf([]));
      const said = await talk(
        `POST ${path} HTTP/1.1\r\nHost: any.example\r\nAuthorization: Bearer ${WEBHOOK_TOKEN}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      );
      expect(said).toMatch(/^HTTP\/1\.1 202 /);
    },
  );

  it('has no method but POST', async () => {
    const response = await fetch(`${edge.url}/webhooks/alertmanager`);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('tells a client that sends too much before all of it has come', async () => {
    const socket = openSocket();
    socket.write(`${head(`Content-Length: ${BODY_BYTES + 1}\r\n`)}{`);
    const [said] = (await once(socket.setEncoding('utf8'), 'data')) as [string];
    expect(said).toMatch(/^HTTP\/1\.1 413 [^]*Connection: close/);
    await once(socket, 'close');
    const chunks = openSocket();
    chunks.write(head('Transfer-Encoding: chunked\r\n'));
    const answered = once(chunks.setEncoding('utf8'), 'data') as Promise<[string]>;
    const chunk = `100000\r\n${' '.repeat(0x100000)}\r\n`;
    for (let i = 0; i < 9; i += 1) chunks.write(chunk);
    expect((await answered)[0]).toMatch(/^HTTP\/1\.1 413 /);
    await once(chunks, 'close');
  });

  it('says 503 while the store cannot be written, and goes on when it can', async () => {
    await edge.store.close();
    expect((await edge.post(payloadOf([alertOf({ alertname: 'A' })]))).status).toBe(503);
    expect((await edge.api('GET', '/-/ready')).status).toBe(503);
    expect((await edge.api('GET', '/-/healthy')).status).toBe(200);
    await edge.store.open();
    expect((await edge.post(payloadOf([alertOf({ alertname: 'A' })]))).status).toBe(202);
    expect((await edge.api('GET', '/-/ready')).status).toBe(200);
  });

  it('keeps a hundred of the malformed alerts of one message', async () => {
    const alerts = Array.from({ length: 5_000 }, () => ({}));
    expect((await answerOf(payloadOf([...alerts, alertOf({ alertname: 'A', since: STARTS_AT })]))).body).toEqual({
      accepted: 1,
      quarantined: 100,
    });
    expect((await quarantined()).some(({ reason }) => reason === '4901 more malformed alerts of this message are not kept')).toBe(
      true,
    );
  });
});
