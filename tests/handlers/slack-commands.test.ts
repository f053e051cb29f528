import { SLASH_COMMANDS } from '../../src/handlers/slack/slash-commands.ts';
import type { PipelineEvent } from '../../src/pipeline/event.ts';
import { changesOf, runOf } from '../support/store-rows.ts';
import { alertOf, payloadOf } from './edge.ts';
import { ADMIN, ALICE, BOB, startSlackWorkspace, VIEWER, type SlackWorkspace } from './slack-workspace.ts';

const RULES = `
rules:
  - name: tell
    description: Tells people.
    matchers: ['alertname =~ "Tell|Reported"']
  - name: watch
    description: Watches.
    matchers: ['alertname = "Watch"']
    target: 'thing/{{ labels.name }}'
    steps: [{ id: up, uses: docker.restart_container, connection: local, with: { container: web } }]
  - name: restart-web
    description: Restarts the <web> server.
    manual: { roles: [sre] }
    params: { container: { type: string, required: true }, grace: { type: duration, default: 10s } }
    target: 'container/{{ params.container }}'
    steps: [{ id: up, uses: docker.restart_container, connection: local, with: { container: '{{ params.container }}' } }]
`;

let work: SlackWorkspace;
beforeEach(async () => {
  work = await startSlackWorkspace({ roles: new Map([['sre', { people: ['alice'] }]]) }, { rules: RULES });
});
afterEach(async () => {
  await work.stop();
});

const withoutActor = (events: readonly PipelineEvent[]): readonly object[] =>
  events.map((event) => ({ ...event, ...('actor' in event ? { actor: event.actor.person } : {}) }));

async function openIncident(labels: Readonly<Record<string, string>>): Promise<string> {
  await work.edge.post(payloadOf([alertOf(labels)]));
  const { items } = await work.edge.store.listIncidents({ limit: 1 });
  return items[0]?.id ?? '';
}

describe('/remedyd', () => {
  it.each(['', 'help', ' HELP '])('explains itself: %j', async (text) => {
    const help = await work.command(VIEWER, text);
    for (const { name } of SLASH_COMMANDS) expect(help).toContain(`/remedyd ${name}`);
  });

  it.each([
    ['ack inc_1', { kind: 'acknowledge', incidentId: 'inc_1' }],
    ['ACK inc_1', { kind: 'acknowledge', incidentId: 'inc_1' }],
    ['approve inc_1', { kind: 'approve', incidentId: 'inc_1' }],
    ['approve run_1', { kind: 'approve', incidentId: 'inc_9', runId: 'run_1' }],
    ['reject run_1 not today', { kind: 'reject', incidentId: 'inc_9', runId: 'run_1', reason: 'not today' }],
    ['reject inc_1', { kind: 'reject', incidentId: 'inc_1' }],
    ['cancel inc_1', { kind: 'cancel', incidentId: 'inc_1' }],
    ['cancel run_1', { kind: 'cancel', incidentId: 'inc_9', runId: 'run_1' }],
    ['retry run_1', { kind: 'retry', incidentId: 'inc_9', runId: 'run_1' }],
    ['escalate inc_1', { kind: 'escalate', incidentId: 'inc_1' }],
    ['escalate inc_1 "nobody answers"', { kind: 'escalate', incidentId: 'inc_1', reason: 'nobody answers' }],
    ['resolve inc_1', { kind: 'resolve', incidentId: 'inc_1' }],
    ['note inc_1 disk &lt;90% &amp; <#C1|ops> knows', { kind: 'note', incidentId: 'inc_1', text: 'disk <90% & #ops knows' }],
    [
      'run restart-web container="web 1" grace=5s target=container/x',
      { kind: 'run_by_hand', rule: 'restart-web', params: { container: 'web 1', grace: '5s' }, target: 'container/x' },
    ],
  ])('%s reaches the pipeline', async (text, event) => {
    await work.edge.store.transact((tx) => tx.save(changesOf({ runs: [runOf('run_1', { incidentId: 'inc_9' })] })));
    await work.command(ALICE, text);
    expect(withoutActor(work.edge.asked)).toEqual([{ ...event, actor: 'alice' }]);
  });

  it.each([
    ['pause', { kind: 'pause' }],
    ['pause 4h', { kind: 'pause', forMs: 14_400_000 }],
    ['pause 30m a "new" release', { kind: 'pause', forMs: 1_800_000, reason: 'a new release' }],
    ['pause until further notice', { kind: 'pause', reason: 'until further notice' }],
    ['resume', { kind: 'resume' }],
  ])('%s is for admins', async (text, event) => {
    expect(await work.command(ALICE, text)).toBe(`${text.split(' ')[0] ?? ''} needs the role admin; alice has responder`);
    expect(work.edge.asked).toEqual([]);
    await work.command(ADMIN, text);
    expect(withoutActor(work.edge.asked)).toEqual([{ ...event, actor: 'the-admin' }]);
  });

  it.each([
    ['show', 'usage: /remedyd show ID'],
    ['show a b', 'usage: /remedyd show ID'],
    ['ack', 'usage: /remedyd ack ID'],
    ['approve', 'usage: /remedyd approve ID|RUN'],
    ['create name=x', 'usage: /remedyd create TEXT [name=value…]'],
    ['note inc_1', 'usage: /remedyd note ID TEXT'],
    ['run a b', 'usage: /remedyd run RULE [name=value…] [target=…]'],
    ['resume now', 'usage: /remedyd resume'],
    ['status quo', 'usage: /remedyd status'],
    ['note "inc_1 text', 'a quote is not closed: write "…" around a text with spaces'],
    ['aprove inc_1', 'there is no command aprove; did you mean ack or approve? /remedyd help explains them'],
    ['<!channel>', expect.stringContaining('there is no command @channel; known are: list, show')],
    ['__proto__', expect.stringContaining('there is no command __proto__; known are: list')],
    ['run nothing', 'there is no rule nothing to be started by hand; "run" alone lists those that are'],
    ['run watch', 'there is no rule watch to be started by hand; "run" alone lists those that are'],
    ['show inc_1', 'there is no incident inc_1'],
    ['cancel run_1', 'there is no run run_1'],
  ])('%s is answered with %s and nothing is done', async (text, answer) => {
    expect(await work.command(ADMIN, text)).toEqual(answer);
    expect(work.edge.asked).toEqual([]);
  });

  it('shows what fires, without a live mention in it', async () => {
    expect(await work.command(VIEWER, 'list')).toBe('no incident is open');
    const id = await openIncident({ alertname: 'Watch', name: '<!channel> & <http://evil|x>\u202e' });
    const list = await work.command(VIEWER, 'list');
    expect(list).toContain(`${id} `);
    const shown = await work.command(VIEWER, `show ${id}`);
    expect(shown).toContain('1 of 1 alerts fire');
    for (const text of [list, shown, await work.command(VIEWER, `why ${id}`)]) {
      expect(text).not.toMatch(/[<>\u202e]/);
      expect(text).toContain(id);
    }
  });

  it('answers shortly, however much there is to say', async () => {
    for (let index = 0; index < 25; index += 1) {
      await work.edge.post(payloadOf([alertOf({ alertname: 'Tell', host: `web-${index}`, long: '&'.repeat(5_000) })]));
    }
    const { items } = await work.edge.store.listIncidents({ limit: 1 });
    for (const text of ['list', `show ${items[0]?.id ?? ''}`]) {
      const answer = await work.command(VIEWER, text);
      expect(answer.length).toBeLessThanOrEqual(3_000);
    }
  });

  it('says how the daemon is', async () => {
    await work.edge.pipeline.apply({
      kind: 'pause',
      reason: '<deploy>',
      actor: { person: 'the-admin', role: 'admin', roles: [], via: 'api' },
    });
    await openIncident({ alertname: 'Tell' });
    const status = await work.command(VIEWER, 'status');
    expect(status).toContain('working, with 3 rules');
    expect(status).toContain('paused by the-admin: &lt;deploy&gt;');
    expect(status).toMatch(/open incidents: 1 \S+ triggered/);
  });

  it('reports an incident, and the same report again is the same one', async () => {
    const first = await work.command(ALICE, 'create "the shop is &lt;slow&gt;" since noon host=web-1');
    const [id] = /inc_\w+/.exec(first) ?? [];
    expect(first).toBe(`reported as ${id ?? ''}`);
    expect(await work.command(BOB, 'create again host=web-1')).toBe(first);
    const detail = await work.edge.store.incidentDetail(id ?? '');
    expect(
      detail?.alerts.map(({ content }) => ({ labels: { ...content.labels }, annotations: { ...content.annotations } })),
    ).toEqual([
      {
        labels: { alertname: 'Reported', host: 'web-1' },
        annotations: { summary: 'the shop is <slow> since noon', reported_by: 'alice' },
      },
    ]);
    expect(await work.command(VIEWER, 'create x')).toBe('create needs the role responder; the-viewer has viewer');
  });

  it('does not say that a report is not recorded when it may still be', async () => {
    work.edge.store.stall();
    expect(await work.command(ALICE, 'create something is wrong')).toBe('not known yet; the message will show it');
    work.edge.store.goOn();
    await work.edge.pipeline.apply({ kind: 'tick' });
    expect(await work.command(ALICE, 'list')).toContain('inc_');
  });

  it('lists the rules that the person may start', async () => {
    expect(await work.command(ALICE, 'run')).toBe(
      'run restart-web container=string [grace=duration, else "10s"]: Restarts the &lt;web&gt; server.',
    );
    expect(await work.command(BOB, 'run')).toBe('there is no rule that bob may start by hand');
  });

  it('has no command that a role below responder may act with', () => {
    const harmless = SLASH_COMMANDS.filter(({ role }) => role === 'viewer').map(({ name }) => name);
    expect(harmless).toEqual(['list', 'show', 'why', 'status']);
  });

  it.each([
    '$(touch /tmp/x)',
    '`id`',
    "'; drop table incident; --",
    '{{ labels.x }}',
    '\u0000\u001b[2J',
    'a'.repeat(10_000),
    '"'.repeat(999),
    '=',
    '= = =',
    '<<<>>>',
    '&lt;&amp;lt;',
  ])('survives %j', async (hostile) => {
    for (const text of [hostile, `note inc_1 ${hostile}`, `show ${hostile}`, `create ${hostile}`, `run ${hostile}`]) {
      const answer = await work.command(ALICE, text);
      expect(answer.length).toBeLessThanOrEqual(3_000);
      expect(answer).not.toMatch(/[<>]/);
    }
    expect(work.edge.faults).toEqual([]);
  });
});
