import { createHash } from 'node:crypto';
import { Secret } from '../../src/domain/secret.ts';
import type { PipelineEvent } from '../../src/pipeline/event.ts';
import { approvalOf, changesOf } from '../support/store-rows.ts';
import { alertOf, payloadOf, startEdge } from './edge.ts';
import { ADMIN, ALICE, BOB, startSlackWorkspace, STRANGER, textOf, VIEWER, type SlackWorkspace } from './slack-workspace.ts';

let work: SlackWorkspace;
beforeEach(async () => {
  work = await startSlackWorkspace();
});
afterEach(async () => {
  await work.stop();
});

/** An incident that fires, and its id. */
async function openIncident(labels: Readonly<Record<string, string>> = { alertname: 'Tell' }): Promise<string> {
  const { status } = await work.edge.post(payloadOf([alertOf(labels)]));
  expect(status).toBe(202);
  const { items } = await work.edge.store.listIncidents({ limit: 1 });
  return items[0]?.id ?? '';
}

const withoutActor = (events: readonly PipelineEvent[]): readonly object[] =>
  events.map((event) => ({ ...event, ...('actor' in event ? { actor: event.actor.person } : {}) }));

describe('who is heard', () => {
  it('is Slack, whose request is taken once and is known to the store by its signature', async () => {
    const { slack, edge } = work;
    const incidentId = await openIncident();
    const click = await work.target(ALICE, 'ack', incidentId);
    const body = slack.clickBody(click);
    const timestamp = Math.floor(Date.now() / 1_000);
    const signature = slack.sign(slack.signingSecret, timestamp, body);
    const headers = { 'x-slack-request-timestamp': String(timestamp), 'x-slack-signature': signature };
    const answer = await slack.post(click.url, body, headers);
    expect(textOf(answer)).toBe(`${incidentId} is acknowledged by alice`);
    expect(edge.asked).toEqual([
      {
        kind: 'acknowledge',
        incidentId,
        actor: {
          person: 'alice',
          role: 'responder',
          roles: [],
          via: 'slack',
          requestId: `slack:${createHash('sha256').update(signature).digest('hex')}`,
        },
      },
    ]);
    const requests = edge.asked.flatMap((event) =>
      'actor' in event && event.actor.requestId !== undefined ? [event.actor.requestId] : [],
    );
    await expect(edge.store.transact((tx) => tx.takenRequests(requests))).resolves.toEqual(requests);
  });

  it('is not whoever sends the same request again, a hundred times', async () => {
    const { slack, edge } = work;
    const click = await work.target(ALICE, 'ack', await openIncident());
    const body = slack.clickBody(click);
    const timestamp = Math.floor(Date.now() / 1_000);
    const headers = {
      'x-slack-request-timestamp': String(timestamp),
      'x-slack-signature': slack.sign(slack.signingSecret, timestamp, body),
    };
    const statuses = await Promise.all(
      Array.from({ length: 100 }, async () => (await slack.post(click.url, body, headers)).status),
    );
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 401)).toHaveLength(99);
    expect(edge.asked).toHaveLength(1);
    expect(edge.warnings).toEqual([{ fault: 'replay', requests: 1 }]);
  });

  const now = (): number => Math.floor(Date.now() / 1_000);
  it.each<[string, (body: string) => readonly [string, Record<string, string | readonly string[] | undefined>]]>([
    [
      'a body with one byte altered',
      (body) => [
        `${body.slice(0, -1)}~`,
        {
          'x-slack-signature': work.slack.sign(work.slack.signingSecret, now(), body),
          'x-slack-request-timestamp': String(now()),
        },
      ],
    ],
    [
      'another secret',
      (body) => [
        body,
        { 'x-slack-signature': work.slack.sign('other', now(), body), 'x-slack-request-timestamp': String(now()) },
      ],
    ],
    [
      'a time 310 s ago',
      (body) => [
        body,
        {
          'x-slack-signature': work.slack.sign(work.slack.signingSecret, now() - 310, body),
          'x-slack-request-timestamp': String(now() - 310),
        },
      ],
    ],
    [
      'a time 310 s ahead',
      (body) => [
        body,
        {
          'x-slack-signature': work.slack.sign(work.slack.signingSecret, now() + 310, body),
          'x-slack-request-timestamp': String(now() + 310),
        },
      ],
    ],
    [
      'the time NaN',
      (body) => [
        body,
        { 'x-slack-signature': work.slack.sign(work.slack.signingSecret, 'NaN', body), 'x-slack-request-timestamp': 'NaN' },
      ],
    ],
    ['no time', (body) => [body, { 'x-slack-request-timestamp': undefined }]],
    ['no signature', (body) => [body, { 'x-slack-signature': undefined }]],
    [
      'the version v1',
      (body) => [
        body,
        {
          'x-slack-signature': work.slack.sign(work.slack.signingSecret, now(), body).replace('v0', 'v1'),
          'x-slack-request-timestamp': String(now()),
        },
      ],
    ],
    [
      'the signature twice',
      (body) => {
        const signature = work.slack.sign(work.slack.signingSecret, now(), body);
        return [body, { 'x-slack-signature': [signature, signature], 'x-slack-request-timestamp': String(now()) }];
      },
    ],
  ])('is not who sends %s', async (_name, forge) => {
    const { slack, edge, interactions } = work;
    const [body, headers] = forge(slack.clickBody(await work.target(ALICE, 'ack', await openIncident())));
    const { status, body: answer } = await slack.post(interactions, body, headers);
    expect(status).toBe(401);
    expect(answer).toBe('{"error":{"code":"unauthorized","message":"the request is not signed by Slack for this moment"}}');
    expect(edge.asked).toEqual([]);
    expect(edge.warnings).toEqual([expect.objectContaining({ requests: 1 })]);
  });

  it.each([
    ['application/json', 415],
    ['text/plain', 415],
    ['multipart/form-data; boundary=x', 415],
    ['application/x-www-form-urlencoded; charset=utf-16', 415],
    ['application/x-www-form-urlencoded; charset=UTF-8', 200],
  ])('sends forms: %s gets %s', async (type, expected) => {
    const body = work.slack.commandBody({ user: ALICE, text: 'help' });
    const { status } = await work.slack.post(`${work.edge.url}/slack/commands`, body, { 'content-type': type });
    expect(status).toBe(expected);
  });

  it('sends little, and not by GET', async () => {
    const { slack, edge } = work;
    const { status } = await slack.post(`${edge.url}/slack/commands`, `text=${'x'.repeat(1_100_000)}`);
    expect(status).toBe(413);
    expect((await fetch(`${edge.url}/slack/commands`)).status).toBe(405);
  });

  it('may call it by any name, as a proxy does', async () => {
    const body = work.slack.commandBody({ user: ALICE, text: 'help' });
    const { status } = await work.slack.post(`${work.edge.url}/slack/commands`, body, { host: 'remedyd.example.com' });
    expect(status).toBe(200);
  });
});

describe('what is none of ours', () => {
  it.each([
    ['no payload', ''],
    ['a payload that is not JSON', 'payload=%7B'],
    ['a payload that is not an object', 'payload=3'],
    ['a payload without a type', 'payload=%7B%7D'],
    ['another type', `payload=${encodeURIComponent(JSON.stringify({ type: 'view_closed', user: { id: ALICE } }))}`],
    ['two payloads', 'payload=%7B%7D&payload=%7B%7D'],
    [
      'a click without an action',
      `payload=${encodeURIComponent(JSON.stringify({ type: 'block_actions', user: { id: ALICE }, actions: [] }))}`,
    ],
    [
      'another action',
      `payload=${encodeURIComponent(JSON.stringify({ type: 'block_actions', user: { id: ALICE }, actions: [{ action_id: 'open_link' }] }))}`,
    ],
    [
      'a user that is an object',
      `payload=${encodeURIComponent(JSON.stringify({ type: 'block_actions', user: { id: { $ne: null } }, actions: [{ action_id: 'remedyd:ack' }] }))}`,
    ],
  ])('is taken without a word: %s', async (_name, body) => {
    const { status, body: answer } = await work.slack.post(work.interactions, body);
    expect({ status, answer }).toEqual({ status: 200, answer: '' });
    expect(work.edge.asked).toEqual([]);
    expect(work.edge.faults).toEqual([]);
  });

  it('is taken without a word as a command too', async () => {
    expect(await work.slack.post(`${work.edge.url}/slack/commands`, 'ssl_check=1')).toMatchObject({ status: 200, body: '' });
  });
});

describe('a click', () => {
  it.each([
    ['ack', 'inc_1', { kind: 'acknowledge', incidentId: 'inc_1' }],
    ['escalate', 'inc_1', { kind: 'escalate', incidentId: 'inc_1' }],
    ['resolve', 'inc_1', { kind: 'resolve', incidentId: 'inc_1' }],
    ['cancel', 'inc_1', { kind: 'cancel', incidentId: 'inc_1' }],
    ['cancel', 'inc_1/run_1', { kind: 'cancel', incidentId: 'inc_1', runId: 'run_1' }],
    ['run_now', 'inc_1/run_1', { kind: 'retry', incidentId: 'inc_1', runId: 'run_1' }],
    ['approve', 'inc_1/run_1', { kind: 'approve', incidentId: 'inc_1', runId: 'run_1', isAtGate: true }],
    ['reject', 'inc_1/run_1', { kind: 'reject', incidentId: 'inc_1', runId: 'run_1', isAtGate: true }],
    ['retry', 'inc_1', { kind: 'retry', incidentId: 'inc_1' }],
  ])('on %s with %s reaches the pipeline, and its answer the person', async (action, value, event) => {
    const { answer, shown } = await work.click(ALICE, action, value);
    expect(withoutActor(work.edge.asked)).toEqual([{ ...event, actor: 'alice' }]);
    expect(shown).toBe(textOf(answer));
    expect(shown).not.toBe('');
    expect(work.slack.ephemerals).toHaveLength(1);
  });

  it.each(['approve', 'reject'] as const)('on %s answers the question that it carries', async (action) => {
    await work.edge.store.transact((tx) =>
      tx.save(changesOf({ approvals: [approvalOf('opaque-1', 'run_7', { incidentId: 'inc_7' })] })),
    );
    await work.click(ALICE, action, 'opaque-1');
    expect(withoutActor(work.edge.asked)).toEqual([
      { kind: action, incidentId: 'inc_7', runId: 'run_7', approvalId: 'opaque-1', actor: 'alice' },
    ]);
  });

  it('on a question that is unknown says so', async () => {
    const { shown } = await work.click(ALICE, 'approve', 'opaque-2');
    expect(shown).toBe('that question is gone; look at the incident for what it asks now');
    expect(work.edge.asked).toEqual([]);
  });

  it('of two people at once is won by one, and the other learns by whom', async () => {
    const incidentId = await openIncident();
    const [first, second] = await Promise.all([work.target(ALICE, 'ack', incidentId), work.target(BOB, 'ack', incidentId)]);
    const texts = (await Promise.all([work.slack.click(first), work.slack.click(second)])).map(textOf).sort();
    const winner = (await work.edge.store.incidentDetail(incidentId))?.incident.acknowledgedBy ?? '';
    expect(texts).toEqual([`${incidentId} is acknowledged by ${winner}`, `${incidentId} was acknowledged by ${winner}`]);
  });

  it('on Why? shows what the gates said, and no label becomes a mention', async () => {
    const incidentId = await openIncident({ alertname: 'Watch', name: '<!channel>' });
    const { shown } = await work.click(VIEWER, 'why', incidentId);
    expect(shown).toContain('watch on thing/&lt;!channel&gt;');
    expect(shown).not.toContain('<');
    expect(work.edge.asked).toEqual([]);
  });

  it.each([
    ['a stranger', STRANGER, 'nothing was done: the Slack user U0CAROL01 is not known here'],
    ['a viewer', VIEWER, 'the-viewer has the role viewer, which only looks'],
  ])('of %s does nothing', async (_name, user, text) => {
    const { shown } = await work.click(user, 'ack', await openIncident());
    expect(shown).toContain(text);
    expect(work.edge.asked).toEqual([]);
  });

  it('of another workspace does nothing, whatever her id', async () => {
    const answer = await work.slack.click({ ...(await work.target(ALICE, 'ack', await openIncident())), team: 'T0OTHER01' });
    expect(textOf(answer)).toContain('another workspace');
    expect(work.edge.asked).toEqual([]);
  });

  it('is answered although Slack does not take the answer', async () => {
    work.slack.fail({ method: 'response_url', how: { status: 500 }, times: Infinity });
    expect(textOf(await work.slack.click(await work.target(ALICE, 'ack', await openIncident())))).toContain('is acknowledged');
  });

  it('sends no answer to a host that is not Slack’s', async () => {
    const payload = {
      type: 'block_actions',
      user: { id: ALICE, team_id: work.slack.teamId },
      response_url: `${work.edge.url}/api/v1/pause`,
      actions: [{ action_id: 'remedyd:ack', value: 'inc_1' }],
    };
    const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
    expect(textOf(await work.slack.post(work.interactions, body))).toBe('there is no incident inc_1');
    expect(work.slack.responses).toEqual([]);
  });
});

describe('a store that stands still', () => {
  it('is told of within 3 s, and what was withdrawn does not happen later', async () => {
    const { edge, slack } = work;
    const incidentId = await openIncident();
    const click = await work.target(ALICE, 'ack', incidentId);
    edge.store.stall();
    // Something else is under way in the store.
    const underWay = edge.pipeline.apply({ kind: 'tick' });
    const answer = await slack.click(click);
    expect(textOf(answer)).toBe('not recorded: the store does not answer; try again');
    expect(answer.ms).toBeLessThan(3_000);
    edge.store.goOn();
    await underWay;
    await edge.pipeline.apply({ kind: 'tick' });
    expect((await edge.store.incidentDetail(incidentId))?.incident.status).toBe('triggered');
  });

  it('is told of when the question cannot be read', async () => {
    const click = await work.target(ALICE, 'approve', 'opaque-1');
    work.edge.store.stall();
    expect(textOf(await work.slack.click(click))).toBe('not recorded: the store does not answer; try again');
    expect(work.edge.asked).toEqual([]);
  });

  it('leaves open what came of a command that it has begun to write', async () => {
    const { edge, slack } = work;
    const incidentId = await openIncident();
    const click = await work.target(ALICE, 'ack', incidentId);
    edge.store.stall();
    const answer = await slack.click(click);
    expect(textOf(answer)).toBe('not known yet; the message will show it');
    expect(answer.ms).toBeLessThan(3_000);
    edge.store.goOn();
    await edge.pipeline.apply({ kind: 'tick' });
    expect((await edge.store.incidentDetail(incidentId))?.incident.status).toBe('acknowledged');
  });
});

describe('a daemon', () => {
  it('that is starting says that nothing is recorded', async () => {
    const starting = await startSlackWorkspace({}, { isStarted: false });
    expect(await starting.command(ALICE, 'ack inc_1')).toBe('not recorded: remedyd starts or stops; try again');
    await starting.stop();
  });

  it('without a signing secret has no such routes, signed or not', async () => {
    const { slack } = work;
    const bare = await startEdge({ slack: { settings: { botToken: new Secret(slack.botToken) } } });
    const body = slack.commandBody({ user: ALICE, text: 'help' });
    for (const path of ['interactions', 'commands']) {
      expect((await slack.post(`${bare.url}/slack/${path}`, body)).status).toBe(404);
    }
    await bare.stop();
  });

  it('knows the members of a user group as people', async () => {
    const groups = await startSlackWorkspace({
      roles: new Map([['dba', { people: [], slackUsergroup: 'S0ONCALL1' }]]),
      usergroupMembers: () => Promise.resolve(['U0GROUP01']),
    });
    await groups.command('U0GROUP01', 'ack inc_1');
    expect(groups.edge.asked).toEqual([
      { kind: 'acknowledge', incidentId: 'inc_1', actor: expect.objectContaining({ person: 'slack:U0GROUP01', roles: ['dba'] }) },
    ]);
    await groups.stop();
  });

  it('lets an admin pause', async () => {
    expect(await work.command(ADMIN, 'pause 30m deploy of the day')).toBe('paused by the-admin for 30m; nothing new starts');
  });
});
