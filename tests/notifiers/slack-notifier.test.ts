import { createServer } from 'node:net';
import { once } from 'node:events';
import { sampleApproval, sampleIncident, sampleNews, sampleRun, sampleStep } from '../../scripts/pages/slack-samples.ts';
import { NotifyError, type IncidentNews, type News } from '../../src/domain/notifier.ts';
import { Secret } from '../../src/domain/secret.ts';
import type { Notification, StoredTimelineEntry } from '../../src/domain/state.ts';
import { SlackNotifier } from '../../src/notifiers/slack/slack-notifier.ts';
import { startSlack } from '../support/servers/slack/start-slack.ts';
import type { SlackMisbehaviour, SlackServer } from '../support/servers/slack/types.ts';
import { sampleRow } from './slack-rows.ts';

const WHO: Readonly<Record<string, readonly string[]>> = { alice: ['U0ALICE01'], sre: ['U0ALICE01', 'U0BOB0001'], nobody: [] };

function notifierFor(slack: Pick<SlackServer, 'apiUrl' | 'botToken'>, token = slack.botToken): SlackNotifier {
  return new SlackNotifier({
    token: new Secret(token),
    apiUrl: slack.apiUrl,
    whoIs: (name) => Promise.resolve(WHO[name] ?? []),
  });
}

/** Tells a place everything, and returns its row as it is then. */
async function tellAll(notifier: SlackNotifier, news: News, start: Notification): Promise<Notification> {
  let row = start;
  for (let operation = notifier.next(news, row); operation !== undefined; operation = notifier.next(news, row)) {
    const delivered = await notifier.send(operation, row, AbortSignal.timeout(20_000));
    row = { ...row, ...delivered };
  }
  return row;
}

async function sendOne(notifier: SlackNotifier, news: News, row: Notification): Promise<Notification> {
  const operation = notifier.next(news, row);
  if (operation === undefined) throw new Error('there is something to say');
  return { ...row, ...(await notifier.send(operation, row, AbortSignal.timeout(20_000))) };
}

async function faultOf(notifier: SlackNotifier, news: News, row: Notification): Promise<NotifyError> {
  const operation = notifier.next(news, row);
  if (operation === undefined) throw new Error('there is something to say');
  const fault: unknown = await notifier.send(operation, row, AbortSignal.timeout(20_000)).catch((error: unknown) => error);
  if (!(fault instanceof NotifyError)) throw new Error(`expected a fault, got ${String(fault)}`);
  return fault;
}

function entry(position: number, overrides: Partial<StoredTimelineEntry> = {}): StoredTimelineEntry {
  const text = `entry ${position}`;
  return {
    incidentId: 'inc',
    runId: null,
    at: position * 1_000,
    kind: 'note',
    reason: null,
    text,
    actor: null,
    position,
    ...overrides,
  };
}

/** The texts of the thread, without the message that it hangs on. */
function replies(slack: SlackServer, channel = '#ops'): readonly string[] {
  const [root] = slack.messages(channel);
  return root === undefined
    ? []
    : slack
        .thread(channel, root.ts)
        .slice(1)
        .map((message) => message.allText);
}

const withTimeline = (timeline: readonly StoredTimelineEntry[], more: Partial<IncidentNews> = {}): IncidentNews =>
  sampleNews({ timeline }, more);

test('an incident is one message, updated in place when it looks different, and only then', async () => {
  await using slack = await startSlack();
  const notifier = notifierFor(slack);
  const first = await tellAll(notifier, sampleNews(), sampleRow());
  expect(notifier.next(sampleNews(), first)).toBeUndefined();

  const taken = sampleIncident({ status: 'acknowledged', acknowledgedBy: 'alice', acknowledgedAt: 1_000 });
  await tellAll(notifier, sampleNews({ incident: taken }), first);

  const [message, ...others] = slack.messages('#ops');
  expect(others).toEqual([]);
  expect(message?.versions.length).toBe(2);
  expect(message?.allText).toContain('Automation has yielded');
  expect(slack.controls(message ?? fail()).map(({ actionId }) => actionId)).not.toContain('remedyd:ack');
});

test('the buttons carry the incident, the run and the approval', async () => {
  await using slack = await startSlack();
  const news = sampleNews({ runs: [sampleRun({ state: 'held', reason: 'approval' })], approvals: [sampleApproval()] });
  await tellAll(notifierFor(slack), news, sampleRow());
  const controls = slack.controls(slack.messages('#ops')[0] ?? fail());
  const valueOf = (id: string): string | undefined => controls.find(({ actionId }) => actionId === id)?.value;
  expect(valueOf('remedyd:approve')).toBe('a3f1c2d4e5f60718293a4b5c6d7e8f90');
  expect(valueOf('remedyd:ack')).toBe('inc_mi8k2l3p0000a1b2c3');
  const silence = controls.find(({ actionId }) => actionId === 'remedyd:silence');
  expect(silence).toMatchObject({ blockId: 'inc_mi8k2l3p0000a1b2c3', options: ['30m', '1h', '4h', '24h'] });

  const held = sampleNews({ runs: [sampleRun({ state: 'held', reason: 'delay' })] });
  await tellAll(notifierFor(slack), held, sampleRow({ place: '#incidents', id: 'other' }));
  const run = slack.controls(slack.messages('#incidents')[0] ?? fail()).filter(({ actionId }) => actionId === 'remedyd:run_now');
  expect(run.map(({ value }) => value)).toEqual(['inc_mi8k2l3p0000a1b2c3/run-1']);
});

test('a decided approval and a resolved incident take their buttons along', async () => {
  await using slack = await startSlack();
  const notifier = notifierFor(slack);
  const waiting = sampleRun({ state: 'held', reason: 'approval' });
  const row = await tellAll(notifier, sampleNews({ runs: [waiting], approvals: [sampleApproval()] }), sampleRow());
  const approved = sampleApproval({ state: 'approved', approvedBy: ['alice', 'bob'], decidedBy: 'bob' });
  const decided = await tellAll(notifier, sampleNews({ runs: [sampleRun()], approvals: [approved] }), row);
  const message = slack.messages('#ops')[0] ?? fail();
  expect(slack.controls(message).map(({ actionId }) => actionId)).not.toContain('remedyd:approve');
  expect(message.allText).toContain('allowed by alice, bob');

  const closed = sampleIncident({ status: 'resolved', closedAs: 'resolved', resolvedAt: 1_000 });
  await tellAll(
    notifier,
    sampleNews({ incident: closed, runs: [sampleRun({ state: 'ended', outcome: 'failed' })] }, { phase: 'resolved' }),
    decided,
  );
  expect(slack.controls(slack.messages('#ops')[0] ?? fail()).map(({ actionId }) => actionId)).toEqual(['remedyd:why']);
});

test('the story goes into the thread, combined, and only what is new', async () => {
  await using slack = await startSlack();
  const notifier = notifierFor(slack);
  const row = await tellAll(notifier, withTimeline([entry(1), entry(2)]), sampleRow());
  await tellAll(notifier, withTimeline([entry(1), entry(2), entry(3, { text: '<!channel> & `x`', actor: 'bob' })]), row);
  const texts = replies(slack);
  expect(texts.length).toBe(2);
  expect(texts[0]).toContain('entry 2');
  expect(texts[1]).toContain('&lt;!channel&gt; &amp; `x` – bob');
  expect(texts[1]).not.toContain('entry 2');
});

test('what calls people is shown in the channel too and mentions the owner, unless it was there before the message', async () => {
  await using slack = await startSlack();
  const notifier = notifierFor(slack);
  const escalated = (position: number): StoredTimelineEntry =>
    entry(position, { kind: 'escalated', reason: 'escalation_policy' });
  const row = await tellAll(notifier, withTimeline([escalated(1)], { ownerSlackId: 'U0ALICE01' }), sampleRow());
  expect(slack.messages('#ops').length).toBe(1);

  await tellAll(notifier, withTimeline([escalated(1), entry(2), escalated(3), entry(4)], { ownerSlackId: 'U0ALICE01' }), row);
  const broadcasts = slack.messages('#ops').filter(({ isBroadcast }) => isBroadcast);
  expect(broadcasts.map(({ allText }) => allText.includes('<@U0ALICE01>'))).toEqual([true]);
  expect(replies(slack).length).toBe(4);
});

test('an hour of changes afterwards is a few messages', async () => {
  await using slack = await startSlack();
  const entries = Array.from({ length: 2_000 }, (_, index) =>
    entry(index + 1, { kind: index % 50 === 0 ? 'escalated' : 'check' }),
  );
  const row = await sendOne(notifierFor(slack), sampleNews(), sampleRow());
  await tellAll(notifierFor(slack), withTimeline(entries), row);
  expect(replies(slack).length).toBeLessThanOrEqual(4);
  expect(replies(slack)[0]).toContain('1880 earlier entries are left out here');
});

test('small outputs of reading steps are code in the thread, large ones a file, each once', async () => {
  await using slack = await startSlack();
  const steps = [
    sampleStep({ id: 'stats', address: '0:steps/stats', effect: 'read', output: { memory: '`rm`<!here>' } }),
    sampleStep({ id: 'logs', address: '0:steps/logs', effect: 'read', output: { text: 'line\n'.repeat(1_000) } }),
  ];
  const notifier = notifierFor(slack);
  const row = await tellAll(notifier, sampleNews({ runs: [sampleRun()], steps }), sampleRow());
  expect(replies(slack)[0]).toContain('ˋrmˋ&lt;!here&gt;');
  expect(slack.files.map(({ text, sharedIn }) => [text.length, sharedIn?.threadTs])).toEqual([
    [5_000, slack.messages('#ops')[0]?.ts],
  ]);
  expect(notifier.next(sampleNews({ runs: [sampleRun()], steps }), row)).toBeUndefined();
});

test('without the scope for files an output is a shortened block of code', async () => {
  await using slack = await startSlack();
  slack.fail({ method: 'files.getUploadURLExternal', how: { error: 'missing_scope' } });
  const steps = [sampleStep({ id: 'logs', effect: 'read', output: { text: 'line\n'.repeat(1_000) } })];
  await tellAll(notifierFor(slack), sampleNews({ runs: [sampleRun()], steps }), sampleRow());
  expect(replies(slack).length).toBe(1);
  expect(replies(slack)[0]).toContain('… shortened');
});

test('customers are told of once a phase, and the post-mortem is a file', async () => {
  await using slack = await startSlack();
  const notifier = notifierFor(slack);
  const row = await tellAll(notifier, sampleNews({}, { customerMessage: 'We are looking.\nSorry.' }), sampleRow());
  const same = await tellAll(notifier, sampleNews({}, { customerMessage: 'Other words.' }), row);
  const incident = sampleIncident({ status: 'resolved', closedAs: 'resolved', resolvedAt: 1_000 });
  const end = { phase: 'resolved', customerMessage: 'It works.', postMortem: '# What happened' } as const;
  await tellAll(notifier, sampleNews({ incident }, end), same);
  expect(replies(slack)[0]).toContain('>We are looking.\n>Sorry.');
  expect(replies(slack).join('\n')).not.toContain('Other words');
  expect(slack.files.map(({ name, text }) => [name.replace(/[0-9a-f]{8}/, 'N'), text])).toEqual([
    ['post-mortem-N.md', '# What happened'],
  ]);
});

test('a channel of its own is made once, with a topic and its owner in it', async () => {
  await using slack = await startSlack();
  const notifier = notifierFor(slack);
  const news = sampleNews({}, { ownerSlackId: 'U0ALICE01' });
  slack.fail({ method: 'conversations.create', how: 'cut_after' });
  const start = sampleRow({ place: 'own' });
  expect((await faultOf(notifier, news, start)).code).toBe('unknown');
  await tellAll(notifier, news, start);
  const name = 'inc-20261121-postgres-connections-exhausted-a1b2c3';
  const channel = slack.channels.filter((each) => each.name === name);
  expect(channel.map(({ topic, members }) => [topic, members.includes('U0ALICE01')])).toEqual([
    ['P0 · postgres-connections-exhausted · inc_mi8k2l3p0000a1b2c3', true],
  ]);
  expect(slack.messages(`#${name}`).length).toBe(1);
});

test('people and roles get direct messages', async () => {
  await using slack = await startSlack();
  const notifier = notifierFor(slack);
  for (const [index, place] of ['U0BOB0001', '@alice'].entries())
    await tellAll(notifier, sampleNews(), sampleRow({ id: `row-${index}`, place, purpose: 'page' }));
  const sent = slack.calls.filter(({ method }) => method === 'chat.postMessage').map(({ args }) => args['channel']);
  expect(sent).toEqual(['U0BOB0001', 'U0ALICE01']);
  expect((await faultOf(notifier, sampleNews(), sampleRow({ place: '@nobody' }))).code).toBe('unreachable_place');
});

test.each<[string, string, IncidentNews]>([
  ['chat.update', 'message_not_found', sampleNews({}, { phase: 'monitoring' })],
  ['chat.update', 'cant_update_message', sampleNews({}, { phase: 'monitoring' })],
  ['chat.update', 'edit_window_closed', sampleNews({}, { phase: 'monitoring' })],
  ['chat.postMessage', 'thread_not_found', withTimeline([entry(1)])],
])('a message that is gone (%s: %s) is posted anew, with another nonce', async (method, error, news) => {
  await using slack = await startSlack();
  const notifier = notifierFor(slack);
  const row = await tellAll(notifier, sampleNews(), sampleRow());
  slack.fail({ method, how: { error } });
  await tellAll(notifier, news, row);
  expect(slack.messages('#ops').length).toBe(2);
  expect(slack.duplicates().filter(({ because }) => because === 'nonce')).toEqual([]);
});

test('blocks that Slack refuses are said with fewer, then as text', async () => {
  await using slack = await startSlack();
  slack.fail({ method: 'chat.postMessage', how: { error: 'msg_blocks_too_long' } });
  await tellAll(notifierFor(slack), sampleNews(), sampleRow());
  expect(slack.controls(slack.messages('#ops')[0] ?? fail()).map(({ actionId }) => actionId)).toContain('remedyd:ack');
  slack.fail({ method: 'chat.postMessage', how: { error: 'invalid_blocks' }, times: 2 });
  await tellAll(notifierFor(slack), sampleNews(), sampleRow({ id: 'other', place: '#incidents' }));
  const [message] = slack.messages('#incidents');
  expect(message?.blocks).toEqual([]);
  expect(message?.text).toContain('Investigating');
});

describe('an answer that was lost', () => {
  test.each(['#ops', 'U0ALICE01'])('is found again at %s', async (place) => {
    await using slack = await startSlack();
    const notifier = notifierFor(slack);
    const row = sampleRow({ place });
    const operation = notifier.next(sampleNews(), row) ?? fail();
    expect(await notifier.find(operation, row, AbortSignal.timeout(20_000))).toBeUndefined();
    slack.fail({ method: 'chat.postMessage', how: 'cut_after' });
    expect((await faultOf(notifier, sampleNews(), row)).code).toBe('unknown');
    // Another process, which knows nothing.
    const found = await notifierFor(slack).find(operation, row, AbortSignal.timeout(20_000));
    const told = await tellAll(notifier, sampleNews(), { ...row, ...(found ?? fail()) });
    const channel = told.told?.['channel_id'];
    if (typeof channel !== 'string') throw new Error('the channel is known');
    expect(told.told?.['ts']).toBe(slack.messages(channel)[0]?.ts);
    expect(slack.duplicates()).toEqual([]);
  });

  test('is found again for a reply and for a file', async () => {
    await using slack = await startSlack();
    const notifier = notifierFor(slack);
    const steps = [sampleStep({ effect: 'read', output: { text: 'x'.repeat(9_000) } })];
    const news = sampleNews({ timeline: [entry(1)], runs: [sampleRun()], steps });
    let row = await sendOne(notifier, news, sampleRow());
    for (const method of ['chat.postMessage', 'files.completeUploadExternal']) {
      const operation = notifier.next(news, row) ?? fail();
      expect(await notifier.find(operation, row, AbortSignal.timeout(20_000))).toBeUndefined();
      slack.fail({ method, how: 'cut_after' });
      expect((await faultOf(notifier, news, row)).code).toBe('unknown');
      row = { ...row, ...((await notifier.find(operation, row, AbortSignal.timeout(20_000))) ?? fail()) };
    }
    expect(notifier.next(news, row)).toBeUndefined();
    expect(replies(slack).length).toBe(2);
  });

  test('is not looked for by who may not look', async () => {
    await using slack = await startSlack();
    const notifier = notifierFor(slack);
    const operation = notifier.next(sampleNews(), sampleRow()) ?? fail();
    slack.fail({ method: 'conversations.list', how: { error: 'missing_scope' } });
    expect(await notifier.find(operation, sampleRow(), AbortSignal.timeout(20_000))).toBeUndefined();
    slack.fail({ how: { error: 'internal_error' } });
    await expect(notifier.find(operation, sampleRow(), AbortSignal.timeout(20_000))).rejects.toMatchObject({ code: 'passing' });
  });
});

describe('what Slack answers', () => {
  test.each<[SlackMisbehaviour, NotifyError['code'], number | undefined]>([
    [{ status: 429, retryAfter: 30 }, 'limited', 30_000],
    [{ status: 429 }, 'limited', 30_000],
    [{ error: 'ratelimited' }, 'limited', 30_000],
    [{ status: 500 }, 'passing', undefined],
    [{ status: 503 }, 'passing', undefined],
    [{ status: 502 }, 'unknown', undefined],
    [{ status: 504 }, 'unknown', undefined],
    [{ status: 403 }, 'passing', undefined],
    [{ status: 200, body: '<html>proxy</html>' }, 'unknown', undefined],
    ['cut_before', 'unknown', undefined],
    ['cut_after', 'unknown', undefined],
    [{ error: 'channel_not_found' }, 'unreachable_place', undefined],
    [{ error: 'not_in_channel' }, 'unreachable_place', undefined],
    [{ error: 'is_archived' }, 'unreachable_place', undefined],
    [{ error: 'restricted_action' }, 'unreachable_place', undefined],
    [{ error: 'user_not_found' }, 'unreachable_place', undefined],
    [{ error: 'cannot_dm_bot' }, 'unreachable_place', undefined],
    [{ error: 'invalid_auth' }, 'unauthorized', undefined],
    [{ error: 'not_authed' }, 'unauthorized', undefined],
    [{ error: 'token_revoked' }, 'unauthorized', undefined],
    [{ error: 'account_inactive' }, 'unauthorized', undefined],
    [{ error: 'missing_scope' }, 'unauthorized', undefined],
    [{ error: 'internal_error' }, 'unknown', undefined],
    [{ error: 'fatal_error' }, 'unknown', undefined],
    [{ error: 'service_unavailable' }, 'passing', undefined],
    [{ error: 'no_text' }, 'refused', undefined],
    [{ error: 'a_word_of_next_year' }, 'passing', undefined],
    [{ error: 'constructor' }, 'passing', undefined],
  ])('%j is %s', async (how, code, retryAfterMs) => {
    await using slack = await startSlack();
    slack.fail({ method: 'chat.postMessage', how });
    expect(await faultOf(notifierFor(slack), sampleNews(), sampleRow())).toMatchObject({ code, retryAfterMs });
  });

  test('a word that is not known is not tried for ever', async () => {
    await using slack = await startSlack();
    slack.fail({ method: 'chat.postMessage', how: { error: 'a_word_of_next_year' } });
    expect((await faultOf(notifierFor(slack), sampleNews(), sampleRow({ attempts: 24 }))).code).toBe('refused');
  });

  test('a wrong token is said without the token', async () => {
    await using slack = await startSlack();
    const fault = await faultOf(notifierFor(slack, 'xoxb-wrong'), sampleNews(), sampleRow());
    expect(fault.code).toBe('unauthorized');
    expect(fault.message).toContain('check slack.bot_token');
    expect(fault.message).not.toContain('xoxb');
  });

  test('nobody there: certain that nothing was said', async () => {
    const listener = createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const address = listener.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    listener.close();
    await once(listener, 'close');
    const notifier = notifierFor({ apiUrl: `http://127.0.0.1:${String(port)}/api/`, botToken: 'xoxb-0000000000-remedyd' });
    expect((await faultOf(notifier, sampleNews(), sampleRow())).code).toBe('passing');
  });

  test('a request that is stopped may have been taken', async () => {
    await using slack = await startSlack();
    slack.fail({ method: 'chat.postMessage', how: { slowMs: 60_000 } });
    const notifier = notifierFor(slack);
    const operation = notifier.next(sampleNews(), sampleRow()) ?? fail();
    const stop = new AbortController();
    const sent = notifier.send(operation, sampleRow(), stop.signal);
    await slack.until(({ calls }) => calls.some(({ method }) => method === 'chat.postMessage'));
    stop.abort();
    await expect(sent).rejects.toMatchObject({ code: 'unknown' });
  });
});

test('the same operation has the same nonce, another one another', () => {
  const notifier = notifierFor({ apiUrl: 'http://127.0.0.1:1/', botToken: 'xoxb-0000000000-remedyd' });
  const nonceOf = (row: Notification): string | undefined => notifier.next(sampleNews(), row)?.nonce;
  expect(nonceOf(sampleRow())).toBe(nonceOf(sampleRow({ attempts: 7 })));
  expect(nonceOf(sampleRow())).not.toBe(nonceOf(sampleRow({ id: 'another' })));
});

test('a notice is said once', async () => {
  await using slack = await startSlack();
  const notifier = notifierFor(slack);
  const notice: News = { kind: 'notice', id: 'notice-1', text: 'Automation is paused <!channel>' };
  await tellAll(notifier, notice, sampleRow({ purpose: 'notice' }));
  expect(slack.messages('#ops').map(({ allText }) => allText)).toEqual([
    'Automation is paused &lt;!channel&gt;\nAutomation is paused &lt;!channel&gt;',
  ]);
});

function fail(): never {
  throw new Error('it is there');
}
