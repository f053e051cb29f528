import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { Agent } from 'node:https';
import { text } from 'node:stream/consumers';
import { event } from '@pagerduty/pdjs';
import { isValidSlackRequest } from '@slack/bolt';
import { LogLevel, SocketModeClient } from '@slack/socket-mode';
import { WebClient, type KnownBlock } from '@slack/web-api';
import { startPagerDuty } from './support/servers/pagerduty/start-pagerduty.ts';
import type { PagerDutyServer } from './support/servers/pagerduty/types.ts';
import { startSlack } from './support/servers/slack/start-slack.ts';
import type { SlackServer } from './support/servers/slack/types.ts';

const ALICE = 'U0ALICE01';

function connect(slack: SlackServer, token = slack.botToken): WebClient {
  return new WebClient(token, {
    slackApiUrl: slack.apiUrl,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: 5_000,
    logLevel: LogLevel.ERROR,
    // Refusals are what these tests are about: they need no lines of their own.
    logger: silentLogger,
  });
}

const silentLogger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  setLevel: () => undefined,
  getLevel: () => LogLevel.ERROR,
  setName: () => undefined,
};

const section = (words: string): KnownBlock => ({ type: 'section', text: { type: 'mrkdwn', text: words } });

const approval: readonly KnownBlock[] = [
  section('Restart *api*?'),
  {
    type: 'actions',
    block_id: 'approval',
    elements: [
      { type: 'button', text: { type: 'plain_text', text: 'Approve' }, action_id: 'approve', value: 'one-shot-id' },
      {
        type: 'static_select',
        action_id: 'silence',
        placeholder: { type: 'plain_text', text: 'Silence' },
        options: ['1h', '4h'].map((value) => ({ text: { type: 'plain_text', text: value }, value })),
      },
    ],
  },
];

/** What the SDK rejects with, as Slack's word for it. */
async function errorOf(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Error && 'data' in error && typeof error.data === 'object' && error.data !== null) {
    return 'error' in error.data ? String(error.data.error) : '';
  }
  return error instanceof Error ? error.message : 'no error';
}

interface Daemon extends AsyncDisposable {
  readonly url: string;
  readonly requests: { readonly headers: IncomingHttpHeaders; readonly body: string }[];
}

/** Keeps what it is sent and answers with 200. */
async function startDaemon(): Promise<Daemon> {
  const requests: Daemon['requests'] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      requests.push({ headers: request.headers, body });
      response.end('noted');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${String(address.port)}/slack`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

describe('the Slack of the tests', () => {
  it('posts, threads, updates and finds messages as the SDK asks', async () => {
    await using slack = await startSlack({ channels: ['ops'] });
    const web = connect(slack);
    const metadata = { event_type: 'incident', event_payload: { nonce: 'n1' } };
    const posted = await web.chat.postMessage({ channel: '#ops', text: 'Investigating', blocks: [...approval], metadata });
    const channel = posted.channel ?? '';
    const ts = posted.ts ?? '';
    await web.chat.postMessage({ channel, text: 'a reply', thread_ts: ts });
    await web.chat.postMessage({ channel, text: 'seen by all', thread_ts: ts, reply_broadcast: true });
    await web.chat.update({ channel, ts, text: 'Resolved' });

    const message = slack.message('#ops', ts);
    expect(message.versions.map((version) => version.text)).toEqual(['Investigating', 'Resolved']);
    expect(message.blocks).toEqual([]);
    expect(slack.messages('#ops').map((shown) => shown.text)).toEqual(['Resolved', 'seen by all']);
    expect(message.live).toEqual([]);
    expect(slack.thread('#ops', ts).map((reply) => reply.text)).toEqual(['Resolved', 'a reply', 'seen by all']);
    const history = await web.conversations.history({ channel, include_all_metadata: true });
    expect(history.messages?.at(-1)?.metadata).toEqual(metadata);
    expect((await web.conversations.replies({ channel, ts })).messages).toHaveLength(3);
    expect(slack.calls.map((call) => call.outcome)).toEqual(Array(6).fill('ok'));
  });

  it('wants a token, and the right one', async () => {
    await using slack = await startSlack();
    expect(await errorOf(connect(slack, '').auth.test())).toBe('not_authed');
    expect(await errorOf(connect(slack, 'xoxb-wrong').auth.test())).toBe('invalid_auth');
    expect(await errorOf(connect(slack, slack.appToken).auth.test())).toBe('not_allowed_token_type');
    expect((await connect(slack).auth.test()).user_id).toBe(slack.botUserId);
  });

  it('knows which channels, messages and threads there are', async () => {
    await using slack = await startSlack({ channels: ['ops'] });
    const web = connect(slack);
    const channel = slack.channelId('#ops');
    const { ts = '' } = await web.chat.postMessage({ channel, text: 'hello' });
    expect(await errorOf(web.chat.postMessage({ channel: '#nowhere', text: 'x' }))).toBe('channel_not_found');
    expect(await errorOf(web.chat.update({ channel: '#ops', ts, text: 'x' }))).toBe('channel_not_found');
    expect(await errorOf(web.chat.update({ channel, ts: '1.000001', text: 'x' }))).toBe('message_not_found');
    expect(await errorOf(web.chat.postMessage({ channel, text: 'x', thread_ts: '1.000001' }))).toBe('thread_not_found');
    expect(await errorOf(web.chat.postMessage({ channel, text: '' }))).toBe('no_text');
  });

  it.each<[string, string, readonly object[]]>([
    ['51 blocks', 'invalid_blocks', Array(51).fill({ type: 'divider' })],
    ['a section of 3,001 characters', 'invalid_blocks', [section('x'.repeat(3_001))]],
    ['an empty section', 'invalid_blocks', [section('')]],
    ['a section of nothing', 'invalid_blocks', [{ type: 'section' }]],
    ['eleven fields', 'invalid_blocks', [{ type: 'section', fields: Array(11).fill({ type: 'mrkdwn', text: 'x' }) }]],
    [
      'a field of 2,001 characters',
      'invalid_blocks',
      [{ type: 'section', fields: [{ type: 'mrkdwn', text: 'x'.repeat(2_001) }] }],
    ],
    ['a header with formatting', 'invalid_blocks', [{ type: 'header', text: { type: 'mrkdwn', text: '*x*' } }]],
    ['a header of 151 characters', 'invalid_blocks', [{ type: 'header', text: { type: 'plain_text', text: 'x'.repeat(151) } }]],
    ['eleven context elements', 'invalid_blocks', [{ type: 'context', elements: Array(11).fill({ type: 'mrkdwn', text: 'x' }) }]],
    ['an unknown block', 'invalid_blocks', [{ type: 'banner' }]],
    ['an unknown field', 'invalid_blocks', [{ type: 'divider', color: 'red' }]],
    ['an unknown element', 'invalid_blocks', [{ type: 'actions', elements: [{ type: 'lever' }] }]],
    ['a label of 76 characters', 'invalid_blocks', [actions(button({ text: { type: 'plain_text', text: 'x'.repeat(76) } }))]],
    ['a value of 2,001 characters', 'invalid_blocks', [actions(button({ value: 'x'.repeat(2_001) }))]],
    ['an action_id of 256 characters', 'invalid_blocks', [actions(button({ action_id: 'x'.repeat(256) }))]],
    ['the same action_id twice in a block', 'invalid_blocks', [{ type: 'actions', elements: [button({}), button({})] }]],
    [
      'a question of 301 characters',
      'invalid_blocks',
      [actions(button({ confirm: { text: { type: 'mrkdwn', text: 'x'.repeat(301) } } }))],
    ],
    ['101 options', 'invalid_blocks', [actions({ type: 'static_select', options: Array(101).fill(option('x')) })]],
    ['an option of 76 characters', 'invalid_blocks', [actions({ type: 'static_select', options: [option('x'.repeat(76))] })]],
    ['more than 13,000 characters in all', 'msg_blocks_too_long', Array(5).fill(section('x'.repeat(2_900)))],
  ])('refuses %s', async (_what, error, blocks) => {
    await using slack = await startSlack({ channels: ['ops'] });
    const response = await post(slack, 'chat.postMessage', { channel: '#ops', text: 'x', blocks });
    expect(response).toMatchObject({ ok: false, error });
    expect(slack.messages('#ops')).toEqual([]);
  });

  it('takes a message at its limits, and refuses longer text and metadata of another shape', async () => {
    await using slack = await startSlack({ channels: ['ops'] });
    const web = connect(slack);
    const blocks = [...Array(49).fill({ type: 'divider' }), section('x'.repeat(3_000))];
    await web.chat.postMessage({ channel: '#ops', text: 'x'.repeat(40_000), blocks });
    expect(await errorOf(web.chat.postMessage({ channel: '#ops', text: 'x'.repeat(40_001) }))).toBe('msg_too_long');
    const odd = { channel: '#ops', text: 'x', metadata: { event_type: 'x', event_payload: { nested: { too: { deep: 1 } } } } };
    expect(await post(slack, 'chat.postMessage', odd)).toMatchObject({ error: 'invalid_metadata_schema' });
  });

  it('limits the rate of posts and updates when it is told to', async () => {
    const periodMs = 3_600_000;
    const rateLimits = { posts: { count: 1, periodMs }, updates: { count: 2, periodMs } };
    await using slack = await startSlack({ channels: ['ops', 'dev'], rateLimits });
    const web = connect(slack);
    const { ts = '', channel = '' } = await web.chat.postMessage({ channel: '#ops', text: '1' });
    await expect(web.chat.postMessage({ channel, text: '2' })).rejects.toMatchObject({ retryAfter: expect.any(Number) });
    await web.chat.postMessage({ channel: '#dev', text: '3' });
    await web.chat.update({ channel, ts, text: '4' });
    await web.chat.update({ channel, ts, text: '5' });
    await expect(web.chat.update({ channel, ts, text: '6' })).rejects.toMatchObject({ retryAfter: expect.any(Number) });
    expect(slack.calls.filter((call) => call.outcome === 'http 429')).toHaveLength(2);
    slack.limitRates(false);
    await web.chat.update({ channel, ts, text: '6' });
  });

  it('makes channels, opens direct messages and says who is who', async () => {
    await using slack = await startSlack();
    const web = connect(slack);
    const created = await web.conversations.create({ name: 'inc-1' });
    const channel = created.channel?.id ?? '';
    await web.conversations.invite({ channel, users: `${ALICE},U0BOB0001` });
    await web.conversations.setTopic({ channel, topic: 'api is down' });
    expect(slack.channels.at(-1)).toMatchObject({ name: 'inc-1', topic: 'api is down' });
    expect(await errorOf(web.conversations.create({ name: 'inc-1' }))).toBe('name_taken');
    expect(await errorOf(web.conversations.create({ name: 'Inc 2' }))).toBe('invalid_name_specials');
    const direct = await web.conversations.open({ users: ALICE });
    await web.chat.postMessage({ channel: direct.channel?.id ?? '', text: 'psst' });
    expect((await web.usergroups.users.list({ usergroup: 'S0ONCALL1' })).users).toContain(ALICE);
    expect((await web.users.info({ user: ALICE })).user?.name).toBe('alice');
    expect(await errorOf(web.users.info({ user: 'U0NOBODY1' }))).toBe('user_not_found');
  });

  it('takes files into a thread', async () => {
    await using slack = await startSlack({ channels: ['ops'] });
    const web = connect(slack);
    const { ts = '', channel = '' } = await web.chat.postMessage({ channel: '#ops', text: 'x' });
    await web.files.uploadV2({ channel_id: channel, thread_ts: ts, filename: 'api.log', file: Buffer.from('a\r\n\r\nb') });
    expect(slack.files).toMatchObject([{ name: 'api.log', text: 'a\r\n\r\nb', sharedIn: { channel, threadTs: ts } }]);
    expect(slack.thread('#ops', ts).at(-1)?.files).toEqual(slack.files);
    const { file_id: id = '' } = await web.files.getUploadURLExternal({ filename: 'never.log', length: 3 });
    expect(await errorOf(web.files.completeUploadExternal({ files: [{ id }] }))).toBe('file_not_found');
  });

  it('finds posts that were made twice', async () => {
    await using slack = await startSlack({ channels: ['ops'] });
    const web = connect(slack);
    const metadata = { event_type: 'incident', event_payload: { nonce: 'n1' } };
    await web.chat.postMessage({ channel: '#ops', text: 'one', metadata });
    await web.chat.postMessage({ channel: '#ops', text: 'another', metadata });
    await web.chat.postMessage({ channel: '#ops', text: 'same', blocks: [section('same')] });
    await web.chat.postMessage({ channel: '#ops', text: 'same', blocks: [section('same')] });
    expect(slack.duplicates().map(({ because }) => because)).toEqual(['nonce', 'content']);
  });

  it('misbehaves as it is told, as often as it is told', async () => {
    await using slack = await startSlack({ channels: ['ops'] });
    const web = connect(slack);
    const say = (words: string): Promise<unknown> => web.chat.postMessage({ channel: '#ops', text: words });
    slack.fail({ how: { status: 503 }, times: 2 });
    await expect(say('1')).rejects.toMatchObject({ statusCode: 503 });
    await expect(say('1')).rejects.toMatchObject({ statusCode: 503 });
    slack.fail({ how: { status: 429, retryAfter: 30 } });
    await expect(say('2')).rejects.toMatchObject({ retryAfter: 30 });
    slack.fail({ how: { error: 'channel_not_found' } });
    expect(await errorOf(say('3'))).toBe('channel_not_found');
    slack.fail({ how: 'cut_before' });
    await expect(say('4')).rejects.toThrow();
    slack.fail({ how: 'cut_after' });
    await expect(say('5')).rejects.toThrow();
    slack.fail({ method: 'chat.update', how: 'cut_before' });
    slack.fail({ matching: ({ text: words }) => words === '6', how: { error: 'fatal_error' } });
    await say('7');
    expect(await errorOf(say('6'))).toBe('fatal_error');
    slack.stopFailing();
    slack.fail({ how: { slowMs: 60_000 } });
    const late = say('8').catch(() => 'cut');
    await slack.until(() => slack.messages('#ops').length === 3);
    expect(slack.messages('#ops').map((message) => message.text)).toEqual(['5', '7', '8']);
    await slack.stop();
    expect(await late).toBe('cut');
  });

  it('goes down and comes back on the same port', async () => {
    await using slack = await startSlack();
    await slack.goDown();
    await expect(connect(slack).auth.test()).rejects.toThrow();
    await slack.comeBack();
    expect((await connect(slack).auth.test()).ok).toBe(true);
  });

  it('tells what is live in a message', async () => {
    await using slack = await startSlack({ channels: ['ops'] });
    const blocks = [section('<@U0ALICE01> &lt;!here&gt;'), { type: 'header', text: { type: 'plain_text', text: '<!channel>' } }];
    await post(slack, 'chat.postMessage', { channel: '#ops', text: 'see <https://example.com|this>', blocks });
    expect(slack.messages('#ops')[0]?.live).toEqual(['https://example.com|this', '@U0ALICE01']);
  });

  it('says what came in when a wait was in vain', async () => {
    await using slack = await startSlack({ channels: ['ops'] });
    await connect(slack).chat.postMessage({ channel: '#ops', text: 'hello' });
    await expect(slack.until((server) => server.messages('#ops').length === 2, 50)).rejects.toThrow(
      /chat\.postMessage: ok .*hello/,
    );
  });

  it('signs as published, and as bolt verifies', async () => {
    await using slack = await startSlack();
    const body =
      'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar' +
      '&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=' +
      '&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN' +
      '&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
    const published = 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503';
    expect(slack.sign('8f742231b10e8888abcd99yyyzzz85a5', '1531420618', body)).toBe(published);

    await using daemon = await startDaemon();
    await slack.command({ url: daemon.url, user: ALICE, text: 'show "Grüße <!channel>"' });
    await slack.post(daemon.url, 'payload=tampered', { 'x-slack-signature': 'v0=00' });
    await slack.command({ url: daemon.url, user: ALICE, text: 'list', timestamp: 1_531_420_618 });
    expect(daemon.requests.map(({ headers, body: raw }) => isGenuine(slack, headers, raw))).toEqual([true, false, false]);
  });

  it('clicks a button of a message', async () => {
    await using slack = await startSlack({ channels: ['ops'] });
    await using daemon = await startDaemon();
    const { ts = '' } = await connect(slack).chat.postMessage({ channel: '#ops', text: 'x', blocks: [...approval] });
    const click = { url: daemon.url, user: ALICE, channel: '#ops', message: ts };
    expect(await slack.click({ ...click, actionId: 'approve' })).toMatchObject({ status: 200, body: 'noted' });
    await slack.click({ ...click, actionId: 'silence', selected: '4h' });
    const [approve, silence] = daemon.requests.map(({ body }) => parsePayload(body));
    expect(approve).toMatchObject({
      type: 'block_actions',
      user: { id: ALICE, team_id: slack.teamId },
      container: { message_ts: ts, channel_id: slack.channelId('#ops') },
      actions: [{ type: 'button', action_id: 'approve', block_id: 'approval', value: 'one-shot-id' }],
    });
    expect(silence).toMatchObject({ actions: [{ type: 'static_select', selected_option: { value: '4h' } }] });
    expect(() => slack.clickBody({ ...click, actionId: 'reject' })).toThrow("has no control 'reject', only: approve, silence");
    expect(() => slack.clickBody({ ...click, actionId: 'silence', selected: '9h' })).toThrow("has no option '9h'");
  });

  it('takes five posts to a response URL', async () => {
    await using slack = await startSlack({ channels: ['ops'] });
    const { ts = '' } = await connect(slack).chat.postMessage({ channel: '#ops', text: 'x', blocks: [...approval] });
    const body = slack.clickBody({ user: ALICE, channel: '#ops', message: ts, actionId: 'approve' });
    const { response_url: url } = parsePayload(body);
    const respond = (content: object): Promise<Response> =>
      fetch(String(url), { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(content) });
    await respond({ replace_original: true, text: 'decided' });
    for (let count = 2; count <= 5; count++) expect((await respond({ text: `only for you ${String(count)}` })).status).toBe(200);
    expect((await respond({ text: 'once more' })).status).toBe(404);
    expect(slack.message('#ops', ts).text).toBe('decided');
    expect(slack.ephemerals).toHaveLength(4);
    expect(slack.responses).toHaveLength(5);
  });

  it('opens a view once for a trigger and submits it', async () => {
    await using slack = await startSlack();
    await using daemon = await startDaemon();
    const web = connect(slack);
    const input: KnownBlock = {
      type: 'input',
      block_id: 'reason',
      label: { type: 'plain_text', text: 'Reason' },
      element: { type: 'plain_text_input', action_id: 'reason' },
    };
    const title = { type: 'plain_text', text: 'Silence' } as const;
    const view = { type: 'modal', callback_id: 'silence', title, submit: title, blocks: [input] } as const;
    const trigger = new URLSearchParams(slack.commandBody({ user: ALICE, text: 'silence' })).get('trigger_id') ?? '';
    await web.views.open({ trigger_id: trigger, view: { ...view, blocks: [...view.blocks] } });
    expect(await post(slack, 'views.open', { trigger_id: trigger, view })).toMatchObject({ error: 'exchanged_trigger_id' });
    expect(await post(slack, 'views.open', { trigger_id: 'x', view })).toMatchObject({ error: 'invalid_trigger_id' });
    const [opened] = slack.views;
    if (opened === undefined) throw new Error('no view was opened');
    await slack.submitView({ url: daemon.url, user: ALICE, view: opened, values: { reason: 'deploying' } });
    expect(parsePayload(daemon.requests[0]?.body ?? '')).toMatchObject({
      type: 'view_submission',
      view: { callback_id: 'silence', state: { values: { reason: { reason: { value: 'deploying' } } } } },
    });
    expect(() => slack.submitView({ url: daemon.url, user: ALICE, view: opened, values: {} })).toThrow('needs a value');
  });

  it('speaks Socket Mode with the SDK, and lets it reconnect', async () => {
    await using slack = await startSlack({ channels: ['ops'] });
    const { ts = '' } = await connect(slack).chat.postMessage({ channel: '#ops', text: 'x', blocks: [...approval] });
    const clientOptions = { slackApiUrl: slack.apiUrl };
    const client = new SocketModeClient({
      appToken: slack.appToken,
      clientOptions,
      logger: silentLogger,
      clientPingTimeout: 300,
    });
    client.on('interactive', ({ ack, body }: SocketEvent) => void ack({ text: body.actions?.[0]?.value }));
    client.on('slash_commands', ({ ack, body }: SocketEvent) => void ack({ text: `you said ${body.text ?? ''}` }));
    await client.start();
    const click = { user: ALICE, channel: '#ops', message: ts, actionId: 'approve' };
    expect((await slack.socketClick(click)).payload).toEqual({ text: 'one-shot-id' });
    slack.refreshSockets();
    await slack.until(() => slack.calls.filter((call) => call.method === 'apps.connections.open').length === 2);
    await slack.until(() => slack.socketCount === 1);
    const long = 'x'.repeat(70_000);
    expect((await slack.socketCommand({ user: ALICE, text: long })).payload).toEqual({ text: `you said ${long}` });
    await slack.goDown();
    await slack.until(() => slack.socketCount === 0);
    await slack.comeBack();
    await slack.until(() => slack.socketCount === 1);
    // Disconnected before it has read the greeting, the SDK leaves a rejection that nobody handles.
    await slack.socketClick(click);
    await client.disconnect();
    await slack.until(() => slack.socketCount === 0);
    await expect(slack.socketClick(click)).rejects.toThrow('nobody is connected');
  });
});

describe('the PagerDuty of the tests', () => {
  it('opens, acknowledges and resolves incidents as pdjs asks', async () => {
    await using pagerduty = await startPagerDuty();
    for (const action of ['trigger', 'trigger', 'acknowledge', 'trigger', 'resolve', 'resolve', 'trigger'] as const) {
      expect((await send(pagerduty, { event_action: action })).status).toBe(202);
    }
    const effects = pagerduty.events.map(({ effect }) => effect);
    expect(effects).toEqual(['opened', 'appended', 'acknowledged', 'appended', 'resolved', 'dropped', 'opened']);
    expect(pagerduty.incidents.map(({ status }) => status)).toEqual(['resolved', 'triggered']);
    expect(pagerduty.incident('key')?.number).toBe(2);
  });

  it('keeps routing keys apart', async () => {
    const routingKeys = ['a'.repeat(32), 'b'.repeat(32)];
    await using pagerduty = await startPagerDuty({ routingKeys });
    await send(pagerduty, { event_action: 'trigger', routing_key: 'a'.repeat(32) });
    await send(pagerduty, { event_action: 'resolve', routing_key: 'b'.repeat(32) });
    expect(pagerduty.incident('key', 'a'.repeat(32))?.status).toBe('triggered');
    expect(pagerduty.events.at(-1)?.effect).toBe('dropped');
  });

  it.each<[string, object, number]>([
    ['a short routing key', { routing_key: 'x' }, 400],
    ['an unknown routing key', { routing_key: 'x'.repeat(32) }, 400],
    ['an unknown action', { event_action: 'snooze' }, 400],
    ['a summary of 1,025 characters', { payload: { summary: 'x'.repeat(1_025), source: 'x', severity: 'info' } }, 400],
    ['no source', { payload: { summary: 'x', severity: 'info' } }, 400],
    ['an unknown severity', { payload: { summary: 'x', source: 'x', severity: 'high' } }, 400],
    ['a dedup key of 256 characters', { dedup_key: 'x'.repeat(256) }, 400],
    ['a resolution of nothing', { event_action: 'resolve', dedup_key: undefined }, 400],
    ['an image over plain HTTP', { images: [{ src: 'http://example.com/x.png' }] }, 400],
    ['a link to nowhere', { links: [{ text: 'runbook' }] }, 400],
    ['more than 512 KB', { client: 'x'.repeat(525_000) }, 413],
  ])('refuses %s', async (_what, change, status) => {
    await using pagerduty = await startPagerDuty();
    expect((await enqueue(pagerduty, { ...trigger(pagerduty), ...change })).status).toBe(status);
    expect(pagerduty.incidents).toEqual([]);
  });

  it('takes change events', async () => {
    await using pagerduty = await startPagerDuty();
    const change = {
      routing_key: pagerduty.routingKey,
      payload: { summary: 'restarted api', timestamp: new Date().toISOString() },
    };
    expect((await enqueue(pagerduty, change, '/v2/change/enqueue')).status).toBe(202);
    expect((await enqueue(pagerduty, { ...change, payload: {} }, '/v2/change/enqueue')).status).toBe(400);
    expect(pagerduty.changes).toMatchObject([{ summary: 'restarted api' }]);
  });

  it('limits the rate of each routing key when it is told to', async () => {
    await using pagerduty = await startPagerDuty({ rateLimits: true });
    const statuses: number[] = [];
    for (let count = 0; count < 121; count++) statuses.push((await enqueue(pagerduty, trigger(pagerduty))).status);
    expect(statuses.slice(0, 120)).toEqual(Array(120).fill(202));
    expect(statuses.at(-1)).toBe(429);
  });

  it('misbehaves as it is told, goes down and comes back', async () => {
    await using pagerduty = await startPagerDuty();
    pagerduty.fail({ how: { status: 500, body: {} } });
    expect((await send(pagerduty, {})).status).toBe(500);
    pagerduty.fail({ how: 'cut_before' });
    await expect(send(pagerduty, {})).rejects.toThrow();
    expect(pagerduty.incidents).toEqual([]);
    pagerduty.fail({ how: 'cut_after' });
    await expect(send(pagerduty, {})).rejects.toThrow();
    expect(pagerduty.incidents).toHaveLength(1);
    await pagerduty.goDown();
    await expect(send(pagerduty, {})).rejects.toThrow();
    await pagerduty.comeBack();
    expect((await send(pagerduty, { event_action: 'resolve' })).status).toBe(202);
    await pagerduty.until((server) => server.incident('key')?.status === 'resolved');
  });

  it('delivers webhooks with a signature for each secret', async () => {
    await using pagerduty = await startPagerDuty();
    await using daemon = await startDaemon();
    await send(pagerduty, {});
    const agent = { id: 'PBOB001', name: 'Bob' };
    const webhook = { url: daemon.url, secrets: ['old', 'new'], incident: 'key', agent, webhookId: 'w1' };
    expect((await pagerduty.webhook({ ...webhook, event: 'incident.acknowledged' })).status).toBe(200);
    await pagerduty.webhook({ ...webhook, event: 'incident.annotated', content: 'looking' });
    const [acknowledged, annotated] = daemon.requests;
    const body = acknowledged?.body ?? '';
    expect(acknowledged?.headers['x-webhook-id']).toBe('w1');
    expect(acknowledged?.headers['x-pagerduty-signature']).toBe(`${pagerduty.sign('old', body)},${pagerduty.sign('new', body)}`);
    expect(JSON.parse(body)).toMatchObject({
      event: {
        event_type: 'incident.acknowledged',
        agent: { id: 'PBOB001', summary: 'Bob' },
        data: { incident_key: 'key', status: 'acknowledged', assignees: [{ summary: 'Bob' }] },
      },
    });
    expect(JSON.parse(annotated?.body ?? '')).toMatchObject({
      event: { data: { type: 'incident_note', content: 'looking', incident: { id: pagerduty.incident('key')?.id } } },
    });
    expect(pagerduty.incident('key')?.status).toBe('acknowledged');
  });
});

interface SocketEvent {
  readonly ack: (payload: object) => Promise<void>;
  readonly body: { readonly text?: string; readonly actions?: readonly { readonly value?: string }[] };
}

function actions(...elements: readonly object[]): object {
  return { type: 'actions', elements };
}

function button(change: object): object {
  return { type: 'button', action_id: 'same', text: { type: 'plain_text', text: 'x' }, ...change };
}

function option(label: string): object {
  return { text: { type: 'plain_text', text: label }, value: 'x' };
}

/** Posts JSON, which takes what the SDK's types would not let through. */
async function post(slack: SlackServer, method: string, args: object): Promise<unknown> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${slack.botToken}` };
  const response = await fetch(`${slack.apiUrl}${method}`, { method: 'POST', headers, body: JSON.stringify(args) });
  return response.json();
}

function parsePayload(body: string): Readonly<Record<string, unknown>> {
  const parsed: unknown = JSON.parse(new URLSearchParams(body).get('payload') ?? '{}');
  return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
}

function isGenuine(slack: SlackServer, headers: IncomingHttpHeaders, body: string): boolean {
  const signature = headers['x-slack-signature'];
  return isValidSlackRequest({
    signingSecret: slack.signingSecret,
    body,
    headers: {
      'x-slack-signature': typeof signature === 'string' ? signature : '',
      'x-slack-request-timestamp': Number(headers['x-slack-request-timestamp']),
    },
  });
}

function trigger(pagerduty: PagerDutyServer): EventData {
  return {
    routing_key: pagerduty.routingKey,
    event_action: 'trigger',
    dedup_key: 'key',
    payload: { summary: 'api is down', source: 'remedyd', severity: 'critical' },
  };
}

function enqueue(pagerduty: PagerDutyServer, body: object, path = '/v2/enqueue'): Promise<Response> {
  return fetch(`${pagerduty.plainUrl}${path}`, { method: 'POST', body: JSON.stringify(body) });
}

type EventData = Parameters<typeof event>[0]['data'];

/** Sends a trigger, changed, with pdjs over HTTPS. */
function send(pagerduty: PagerDutyServer, change: Partial<EventData>): Promise<{ readonly status: number }> {
  const agent = new Agent({ ca: pagerduty.ca });
  const parameters = { server: pagerduty.server, data: { ...trigger(pagerduty), ...change }, agent, requestTimeout: 0 };
  return event(parameters);
}
