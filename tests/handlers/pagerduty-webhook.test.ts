import { Secret } from '../../src/domain/secret.ts';
import { notificationOf, changesOf, runOf } from '../support/store-rows.ts';
import { ANN, EVE, SECRET, startPagerDutyStage, type PagerDutyStage } from './pagerduty-stage.ts';

const DAY_MS = 24 * 60 * 60_000;

let stage: PagerDutyStage;
beforeEach(async () => {
  stage = await startPagerDutyStage();
});
afterEach(async () => {
  expect(stage.faults).toEqual([]);
  await stage.stop();
});

async function statusOf(id: string): Promise<string> {
  return (await stage.look(id)).incident.status;
}

describe('what people do in PagerDuty', () => {
  it('acknowledges by a person who is known by her id', async () => {
    const id = await stage.open();
    expect(await stage.deliver(id, 'incident.acknowledged')).toBe(202);
    expect((await stage.look(id)).incident).toMatchObject({ status: 'acknowledged', acknowledgedBy: 'ann' });
    const [entry] = await stage.store.auditTrail({ limit: 1 });
    expect(entry).toMatchObject({ person: 'ann', via: 'pagerduty', action: 'acknowledge', subject: id, ok: true });
  });

  it('resolves', async () => {
    const id = await stage.open();
    expect(await stage.deliver(id, 'incident.resolved')).toBe(202);
    expect(await statusOf(id)).toBe('resolved');
  });

  it('knows a person by an e-mail address, should PagerDuty tell one', async () => {
    const id = await stage.open();
    const agent = { type: 'user_reference', id: 'PBEN001', summary: 'Ben', email: 'ben@example.com' };
    const data = { incident_key: `remedyd/${id}` };
    const event = { id: 'e', event_type: 'incident.acknowledged', occurred_at: new Date().toISOString(), agent, data };
    await stage.deliver(id, 'incident.acknowledged', { rawBody: JSON.stringify({ event }) });
    expect((await stage.look(id)).incident.acknowledgedBy).toBe('ben');
  });

  it('only notes what a person does whose tokens only look', async () => {
    const id = await stage.open();
    const tokens = [{ person: 'ann', role: 'viewer', token: new Secret('x') }] as const;
    const before = stage.settings;
    stage.settings = { ...before, auth: { webhook: [], tokens } };
    expect(await stage.deliver(id, 'incident.acknowledged')).toBe(202);
    stage.settings = before;
    expect(await statusOf(id)).toBe('triggered');
    expect(await stage.notes(id)).toEqual([{ actor: 'ann', text: expect.stringContaining('acknowledged') }]);
  });

  it.each(['incident.acknowledged', 'incident.resolved'])('only notes an %s of somebody who is not known', async (event) => {
    const id = await stage.open();
    expect(await stage.deliver(id, event, { agent: EVE })).toBe(202);
    expect(await statusOf(id)).toBe('triggered');
    expect(await stage.notes(id)).toEqual([
      { actor: 'pagerduty:PEVE001', text: expect.stringMatching(/^Eve \(PEVE001\) .* it in PagerDuty; .* add people: \{ NAME:/) },
    ]);
  });

  it.each([
    ['incident.annotated', { content: 'looks like the backup' }, 'looks like the backup'],
    ['incident.reassigned', { data: { assignees: [{ summary: 'Cid' }] } }, 'reassigned it in PagerDuty to Cid'],
    ['incident.delegated', { data: { escalation_policy: { summary: 'DBA' } } }, 'delegated it in PagerDuty to DBA'],
    ['incident.escalated', { data: { assignees: [] } }, 'escalated it in PagerDuty'],
    ['incident.priority_updated', { data: { priority: { summary: 'P1' } } }, 'set its priority in PagerDuty to P1'],
    ['incident.priority_updated', { data: { priority: null } }, 'took its priority in PagerDuty away'],
    ['incident.unacknowledged', {}, 'took the acknowledgement back in PagerDuty; here it stays as it is'],
    ['incident.reopened', {}, 'reopened it in PagerDuty; here it stays as it is'],
  ])('tells of %s in the story', async (event, more, text) => {
    const id = await stage.open();
    expect(await stage.deliver(id, event, more)).toBe(202);
    expect(await stage.notes(id)).toEqual([{ actor: 'ann', text }]);
    expect(await statusOf(id)).toBe('triggered');
  });

  it('keeps a long note within what a note may have, between characters', async () => {
    const id = await stage.open();
    await stage.deliver(id, 'incident.annotated', { content: `x${'😀'.repeat(30_000)}\u0000`, agent: EVE });
    const [note] = await stage.notes(id);
    expect(note?.text.isWellFormed()).toBe(true);
    expect(note?.text.startsWith('Eve (PEVE001): x😀😀')).toBe(true);
  });

  it('says why it does not resolve here what runs', async () => {
    const id = await stage.open();
    const run = runOf('run_1', { incidentId: id, lineId: null, state: 'running', rule: 'tell' });
    await stage.store.transact((tx) => tx.save(changesOf({ runs: [run] })));
    expect(await stage.deliver(id, 'incident.resolved', { eventId: 'e1' })).toBe(202);
    expect(await stage.deliver(id, 'incident.resolved', { eventId: 'e1' })).toBe(202);
    expect(await statusOf(id)).toBe('triggered');
    expect(await stage.notes(id)).toEqual([
      { actor: 'ann', text: 'resolved it in PagerDuty, but not here: run run_1 is running; cancel it first' },
    ]);
  });

  it('says nothing of an acknowledgement that comes after the end', async () => {
    const id = await stage.open();
    await stage.deliver(id, 'incident.resolved');
    expect(await stage.deliver(id, 'incident.acknowledged', { occurredAt: new Date(Date.now() - 5_000).toISOString() })).toBe(
      202,
    );
    expect(await statusOf(id)).toBe('resolved');
    expect(await stage.notes(id)).toEqual([]);
  });

  it('acknowledges every open incident of a bundle', async () => {
    const ids = [await stage.open('a'), await stage.open('b'), await stage.open('c')];
    await stage.deliver(ids[2] ?? '', 'incident.resolved');
    const bundleId = 'bundle_1:pagerduty:production';
    const places = { channel: 'pagerduty', place: 'production' } as const;
    const rows = [
      notificationOf('', { ...places, id: bundleId, incidentId: null, purpose: 'bundle' }),
      ...ids.map((id) => notificationOf(id, { ...places, purpose: 'page', bundleId })),
    ];
    await stage.store.transact((tx) => tx.save(changesOf({ notifications: rows })));
    const deliveries = await Promise.all(
      Array.from({ length: 3 }, () => stage.deliver(bundleId, 'incident.acknowledged', { eventId: 'e1' })),
    );
    expect(deliveries).toEqual([202, 202, 202]);
    expect(await Promise.all(ids.map(statusOf))).toEqual(['acknowledged', 'acknowledged', 'resolved']);
    expect(await stage.notes(ids[0] ?? '')).toEqual([]);
  });
});

describe('what nobody did', () => {
  it.each([
    ['PagerDuty itself', null],
    ['an integration', { id: 'PINT001', type: 'inbound_integration_reference', summary: 'Events API v2' }],
    ['a service', { id: 'PSVC001', type: 'service_reference', summary: 'API Service' }],
    ['an agent without a usable id', { id: '../../x', type: 'user_reference', summary: 'x' }],
  ])('changes nothing: %s', async (_, agent) => {
    const id = await stage.open();
    const data = { incident_key: `remedyd/${id}` };
    const event = { id: 'e', event_type: 'incident.acknowledged', occurred_at: new Date().toISOString(), agent, data };
    expect(await stage.deliver(id, 'x', { rawBody: JSON.stringify({ event }) })).toBe(202);
    expect(await statusOf(id)).toBe('triggered');
    expect(await stage.notes(id)).toEqual([]);
  });

  it.each([
    ['another type of event', 'incident.triggered', { data: {} }],
    ['a type of the future', 'incident.teleported', { data: {} }],
    ['a key of others', 'incident.acknowledged', { data: { incident_key: 'grafana/1' } }],
    ['no key', 'incident.acknowledged', { data: { incident_key: null } }],
    ['an incident that is not here', 'incident.acknowledged', { data: { incident_key: 'remedyd/inc_gone' } }],
    ['a bundle that is not here', 'incident.acknowledged', { data: { incident_key: 'remedyd/bundle_gone' } }],
    ['a title that was changed', 'incident.annotated', { data: { incident_key: undefined, incident: { summary: 'other' } } }],
  ])('is taken without a word: %s', async (_, event, more) => {
    const id = await stage.open();
    const before = await stage.look(id);
    const { status } = await stage.pagerduty.webhook({
      url: stage.url,
      secrets: [SECRET],
      event,
      agent: ANN,
      data: { incident_key: `remedyd/${id}`, ...more.data },
    });
    expect(status).toBe(202);
    expect(await stage.look(id)).toEqual(before);
  });

  it.each([
    '',
    'not json',
    '[]',
    'null',
    '{}',
    '{"event":null}',
    '{"event":{"id":7,"event_type":{}}}',
    '{"__proto__":{}}',
    '\ufffd',
  ])('is taken, and logged, when the body is %j', async (rawBody) => {
    expect(await stage.deliver('x', 'x', { rawBody })).toBe(202);
    expect(stage.warnings).toEqual([expect.stringContaining('the body is no event of PagerDuty')]);
  });
});

describe('deliveries', () => {
  it('acts once for ten of the same', async () => {
    const id = await stage.open();
    const same = { eventId: 'event-1', webhookId: 'webhook-1', content: 'once' };
    const answers = await Promise.all(Array.from({ length: 5 }, () => stage.deliver(id, 'incident.annotated', same)));
    for (let repeat = 0; repeat < 5; repeat += 1) answers.push(await stage.deliver(id, 'incident.annotated', same));
    expect(answers).toEqual(Array.from({ length: 10 }, () => 202));
    expect(await stage.notes(id)).toHaveLength(1);
    await stage.deliver(id, 'incident.annotated', { ...same, webhookId: 'webhook-2' });
    expect(await stage.notes(id)).toHaveLength(1);
    await stage.deliver(id, 'incident.annotated', { ...same, eventId: 'event-2' });
    expect(await stage.notes(id)).toHaveLength(2);
  });

  it('acts once for ten acknowledgements at once', async () => {
    const id = await stage.open();
    await Promise.all(Array.from({ length: 10 }, () => stage.deliver(id, 'incident.acknowledged', { eventId: 'e1' })));
    const { timeline } = await stage.look(id);
    expect(timeline.filter(({ kind }) => kind === 'acknowledged')).toHaveLength(1);
    expect(await stage.notes(id)).toEqual([]);
    expect(await stage.store.auditTrail({ limit: 10 })).toHaveLength(1);
  });

  it('does nothing for what was taken three days ago', async () => {
    const id = await stage.open();
    const at = Date.now() - 3 * DAY_MS;
    await stage.store.transact((tx) => tx.save(changesOf({ requests: [{ id: 'pagerduty:event-1', at }] })));
    const occurredAt = new Date(at).toISOString();
    expect(await stage.deliver(id, 'incident.acknowledged', { eventId: 'event-1', occurredAt })).toBe(202);
    expect(await statusOf(id)).toBe('triggered');
  });

  it('does nothing for what is older than what is remembered', async () => {
    const id = await stage.open();
    const startedAt = Date.now() - 30 * DAY_MS;
    const { incident } = await stage.look(id);
    await stage.store.transact((tx) => tx.save(changesOf({ incidents: [{ ...incident, startedAt }] })));
    const occurredAt = new Date(startedAt + 1_000).toISOString();
    expect(await stage.deliver(id, 'incident.acknowledged', { occurredAt })).toBe(202);
    expect(await statusOf(id)).toBe('triggered');
    expect(stage.warnings).toEqual([expect.stringContaining('may be a replay')]);
    expect(await stage.deliver(id, 'incident.acknowledged')).toBe(202);
    expect(await statusOf(id)).toBe('acknowledged');
  });
});

describe('signatures', () => {
  const body = JSON.stringify({ event: { id: 'e', event_type: 'pagey.ping', text: 'Grüße 😀' } });

  it('is SHA-256 of the bytes, in any writing, among those of other secrets and versions', async () => {
    const sign = (secret: string): string => stage.pagerduty.sign(secret, body);
    const right = sign(SECRET);
    for (const signatures of [
      right,
      `${sign('old')},${right}`,
      `${sign('old')}, ${right} `,
      `v2=${'0'.repeat(64)},${right}`,
      `v1=${right.slice(3).toUpperCase()}`,
    ]) {
      expect(await stage.deliver('x', 'x', { rawBody: body, signatures })).toBe(202);
    }
  });

  it('may be made with any of the configured secrets, also with those of a reload', async () => {
    const other = { rawBody: body, secrets: ['new'] };
    expect(await stage.deliver('x', 'x', other)).toBe(401);
    const webhookSecrets = [new Secret(SECRET), new Secret('new')];
    stage.settings = { ...stage.settings, pagerduty: { services: new Map(), webhookSecrets } };
    expect(await stage.deliver('x', 'x', other)).toBe(202);
    expect(await stage.deliver('x', 'x', { rawBody: body })).toBe(202);
  });

  it('is refused when nothing fits, loudly, and nothing is done', async () => {
    const id = await stage.open();
    const right = stage.pagerduty.sign(SECRET, body);
    for (const signatures of [
      '',
      ',',
      'v1=',
      right.slice(3),
      `v2=${right.slice(3)}`,
      right.slice(0, -1),
      `${right}0`,
      `v1=${'0'.repeat(64)}`,
      Array.from({ length: 100 }, () => `v1=${'0'.repeat(64)}`).join(','),
    ]) {
      expect(await stage.deliver(id, 'x', { rawBody: body, signatures })).toBe(401);
    }
    expect(await stage.deliver(id, 'x', { rawBody: body, headers: { 'x-pagerduty-signature': undefined } })).toBe(401);
    expect(await stage.deliver(id, 'incident.acknowledged', { secrets: ['wrong'] })).toBe(401);
    expect(await stage.deliver(id, 'x', { rawBody: `${body} `, signatures: right })).toBe(401);
    expect(await statusOf(id)).toBe('triggered');
    expect(stage.errors).toEqual([expect.stringContaining('it disables the subscription')]);
  });

  it('is not asked for where no secret is configured: nothing is there', async () => {
    stage.settings = { ...stage.settings, pagerduty: { services: new Map(), webhookSecrets: [] } };
    expect(await stage.deliver('x', 'x', { rawBody: body })).toBe(404);
    stage.settings = { auth: { webhook: [], tokens: [] }, people: new Map(), roles: new Map() };
    expect(await stage.deliver('x', 'x', { rawBody: body })).toBe(404);
  });
});

describe('what cannot be taken', () => {
  it('comes again when the store does not answer in time, and then acts once', async () => {
    const id = await stage.open();
    stage.store.stall();
    const { status, ms, headers } = await stage.pagerduty.webhook({
      url: stage.url,
      secrets: [SECRET],
      event: 'incident.acknowledged',
      agent: ANN,
      eventId: 'e1',
      data: { incident_key: `remedyd/${id}` },
    });
    expect({ status, isInTime: ms < 5_000 }).toEqual({ status: 503, isInTime: true });
    expect(headers['retry-after']).toBe('5');
    stage.store.goOn();
    expect(await stage.deliver(id, 'incident.acknowledged', { eventId: 'e1' })).toBe(202);
    expect(await statusOf(id)).toBe('acknowledged');
    expect(await stage.store.auditTrail({ limit: 10 })).toHaveLength(1);
  });

  it('comes again while the daemon stops', async () => {
    const id = await stage.open();
    stage.pipeline.stopAccepting();
    expect(await stage.deliver(id, 'incident.acknowledged')).toBe(503);
  });

  it('is not read when it is too large, or not posted', async () => {
    expect(await stage.deliver('x', 'x', { rawBody: 'x'.repeat(1_048_577) })).toBe(413);
    expect((await fetch(stage.url)).status).toBe(405);
    expect((await fetch(`${stage.url}/x`, { method: 'POST' })).status).toBe(421);
  });
});
