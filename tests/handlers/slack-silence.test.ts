import { createServer, type Server } from 'node:http';
import { copyLabels } from '../../src/domain/alert.ts';
import type { AlertmanagerConnection } from '../../src/domain/connection.ts';
import { Secret } from '../../src/domain/secret.ts';
import { createSilences, silencesFor } from '../../src/handlers/create-silence.ts';
import { parseSilenceChoice } from '../../src/handlers/slack/silence-incident.ts';
import { startAlertmanager, type TestAlertmanager } from '../support/servers/alertmanager.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { freePort } from '../support/servers/free-port.ts';
import { alertOf, payloadOf } from './edge.ts';
import { ALICE, startSlackWorkspace, VIEWER, type SlackWorkspace } from './slack-workspace.ts';

const HOUR_MS = 3_600_000;

describe('the silences for some alerts', () => {
  const alerts = (...labels: readonly Readonly<Record<string, string>>[]) => labels.map((entries) => copyLabels(entries));
  const silences = (of: ReturnType<typeof alerts>) => silencesFor(of)?.map((labels) => ({ ...labels }));
  const hosts = (count: number, more: Readonly<Record<string, string>> = {}) =>
    alerts(...Array.from({ length: count }, (_, index) => ({ alertname: 'A', host: `h${index}`, ...more })));

  it('are one, of what they share', () => {
    expect(silences(hosts(9, { job: 'web' }))).toEqual([{ alertname: 'A', job: 'web' }]);
    expect(silences(alerts({ alertname: 'A', host: 'x' }))).toEqual([{ alertname: 'A', host: 'x' }]);
    expect(silences(alerts({ alertname: 'A' }))).toEqual([{ alertname: 'A' }]);
  });

  it('are one for each of up to twenty that share their name alone, and never one of the bare name', () => {
    expect(silences(hosts(20))).toEqual(hosts(20).map((labels) => ({ ...labels })));
    expect(silences(hosts(21))).toBeUndefined();
  });

  it('are not there for many alerts of different names, nor without a name, nor for nothing', () => {
    const named = (count: number) =>
      alerts(...Array.from({ length: count }, (_, index) => ({ alertname: `A${index}`, job: 'web' })));
    expect(silences(named(20))).toHaveLength(20);
    expect(silences(named(21))).toBeUndefined();
    expect(silences(alerts({ host: 'x' }))).toBeUndefined();
    expect(silences([])).toBeUndefined();
  });

  it('take names of an object’s own for labels', () => {
    const labels = JSON.parse('{ "alertname": "A", "__proto__": "x", "constructor": "y" }') as Record<string, string>;
    expect(Object.entries(silencesFor([copyLabels(labels)])?.[0] ?? {})).toEqual([
      ['__proto__', 'x'],
      ['alertname', 'A'],
      ['constructor', 'y'],
    ]);
  });
});

describe('a choice', () => {
  it.each([
    ['30m', { incidentId: 'inc_1', forMs: HOUR_MS / 2 }],
    ['24h', { incidentId: 'inc_1', forMs: 24 * HOUR_MS }],
    ['0', undefined],
    ['10y', undefined],
    ['', undefined],
    ['soon', undefined],
  ])('of %j is %j', (duration, choice) => {
    expect(parseSilenceChoice('inc_1', duration)).toEqual(choice);
  });
});

describe('creating silences', () => {
  const order = { silences: [copyLabels({ alertname: 'A' })], startsAt: 0, endsAt: HOUR_MS, createdBy: 'alice', comment: 'x' };
  const at = (port: number, name: string): AlertmanagerConnection => ({
    kind: 'alertmanager',
    name,
    url: `http://127.0.0.1:${port}`,
    bearerToken: new Secret('am-secret'),
  });
  const signal = new AbortController().signal;

  async function answering(status: number, body: string): Promise<{ readonly server: Server; readonly port: number }> {
    const port = await freePort();
    const server = createServer((_request, response) => void response.writeHead(status).end(body));
    await new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', resolve));
    return { server, port };
  }

  it('takes the first Alertmanager that answers', async () => {
    const broken = await answering(500, 'am-secret');
    const good = await answering(200, '{"silenceID":"s-1"}');
    const connections = [at(await freePort(), 'gone'), at(broken.port, 'broken'), at(good.port, 'good')];
    await expect(createSilences(connections, order, signal)).resolves.toEqual({ connection: 'good', ids: ['s-1'] });
    await expect(createSilences(connections.slice(0, 2), order, signal)).rejects.toThrow(/^gone: .*; broken: answered 500$/);
    broken.server.close();
    good.server.close();
  });

  it('never makes one that has no alertname', async () => {
    const good = await answering(200, '{"silenceID":"s-1"}');
    for (const labels of [{}, { alertname: '' }, { host: 'x' }]) {
      await expect(createSilences([at(good.port, 'good')], { ...order, silences: [labels] }, signal)).rejects.toThrow(
        'a silence without an alertname is not made',
      );
    }
    good.server.close();
  });
});

describeWith('alertmanager', 'Silence in Slack', () => {
  let alertmanager: TestAlertmanager;
  let work: SlackWorkspace;
  beforeAll(async () => {
    alertmanager = await startAlertmanager({ webhook: { url: 'http://127.0.0.1:9/' } });
  });
  afterAll(async () => {
    await alertmanager.stop();
  });
  beforeEach(async () => {
    work = await startSlackWorkspace({ connections: [{ kind: 'alertmanager', name: 'main', url: alertmanager.url }] });
  });
  afterEach(async () => {
    await work.stop();
  });

  const silences = async (): Promise<readonly { id: string; createdBy: string; comment: string; matchers: unknown }[]> =>
    (await (await fetch(`${alertmanager.url}/api/v2/silences`)).json()) as never;

  async function openIncident(labels: readonly Readonly<Record<string, string>>[]): Promise<string> {
    await work.edge.post(payloadOf(labels.map((entries) => alertOf(entries))));
    const { items } = await work.edge.store.listIncidents({ limit: 1 });
    return items[0]?.id ?? '';
  }

  it('hides the firing alerts of the incident in Alertmanager, and writes so into its timeline', async () => {
    const incidentId = await openIncident([
      { alertname: 'Tell', job: 'web', host: 'a"\n<b>' },
      { alertname: 'Tell', job: 'web', host: 'c' },
    ]);
    const { shown } = await work.click(ALICE, 'silence', '1h', incidentId);
    const [made, another] = (await silences()).filter(({ comment }) => comment.includes(incidentId));
    expect(another).toBeUndefined();
    expect(made).toMatchObject({
      createdBy: 'alice',
      comment: `remedyd: incident ${incidentId}`,
      matchers: [
        { name: 'alertname', value: 'Tell', isRegex: false, isEqual: true },
        { name: 'job', value: 'web', isRegex: false, isEqual: true },
      ],
    });
    expect(shown).toContain(`in main (${made?.id ?? 'none'})`);
    expect(work.edge.asked).toEqual([
      expect.objectContaining({ kind: 'note', incidentId, text: expect.stringContaining(made?.id ?? 'none') }),
    ]);
    expect(await work.edge.store.auditTrail({ limit: 2 })).toMatchObject([
      { person: 'alice', action: 'note', subject: incidentId, ok: true },
      { person: 'alice', action: 'silence', subject: incidentId, details: { for_ms: 3_600_000 }, ok: true },
    ]);
  });

  it('makes them once, also when the request comes again after a restart', async () => {
    const incidentId = await openIncident([{ alertname: 'Tell', host: 'replayed' }]);
    const request = {
      kind: 'command',
      user: { id: ALICE, teamIds: [] },
      text: `silence ${incidentId} 30m`,
    } as const;
    expect((await work.edge.slackIn?.answer(request, 'v0=overheard'))?.text).toContain('silenced until');
    expect((await work.edge.slackIn?.answer(request, 'v0=overheard'))?.text).toBe('this request was taken already');
    expect((await silences()).filter(({ comment }) => comment.includes(incidentId))).toHaveLength(1);
  });

  it('is a command too', async () => {
    const incidentId = await openIncident([{ alertname: 'Tell', host: 'by-hand' }]);
    expect(await work.command(ALICE, `silence ${incidentId} 30m`)).toContain('silenced until');
    expect(await work.command(VIEWER, `silence ${incidentId} 30m`)).toContain('needs the role responder');
    expect((await silences()).filter(({ comment }) => comment.includes(incidentId))).toHaveLength(1);
  });

  it('does nothing where there is nothing to silence', async () => {
    expect(await work.command(ALICE, 'silence inc_1 1h')).toBe('there is no incident inc_1');
    const reported = /inc_\w+/.exec(await work.command(ALICE, 'create something is wrong'))?.[0] ?? '';
    expect(await work.command(ALICE, `silence ${reported} 1h`)).toBe(
      `nothing is silenced: no alert of Alertmanager fires in ${reported}`,
    );
    expect(work.edge.asked.map(({ kind }) => kind)).toEqual(['report']);
  });
});

describe('Silence without an Alertmanager that answers', () => {
  it('says that none is configured', async () => {
    const work = await startSlackWorkspace();
    await work.edge.post(payloadOf([alertOf({ alertname: 'Tell' })]));
    const { items } = await work.edge.store.listIncidents({ limit: 1 });
    expect(await work.command(ALICE, `silence ${items[0]?.id ?? ''} 1h`)).toBe(
      'nothing is silenced: no alertmanager is configured under connections',
    );
    await work.stop();
  });

  it('says within 3 s that it is not known, and that somebody tried is in the story', async () => {
    const held = createServer(() => undefined);
    const port = await freePort();
    await new Promise<void>((resolve) => void held.listen(port, '127.0.0.1', resolve));
    const connections = ['a', 'b', 'c', 'd'].map((name): AlertmanagerConnection => ({
      kind: 'alertmanager',
      name,
      url: `http://127.0.0.1:${port}`,
    }));
    const work = await startSlackWorkspace({ connections });
    await work.edge.post(payloadOf([alertOf({ alertname: 'Tell' })]));
    const { items } = await work.edge.store.listIncidents({ limit: 1 });
    const { answer, shown } = await work.click(ALICE, 'silence', '1h', items[0]?.id);
    expect(shown).toContain('whether it is silenced is not known; no Alertmanager has confirmed it');
    expect(answer.ms).toBeLessThan(3_000);
    expect(work.edge.asked).toMatchObject([
      { kind: 'note', text: expect.stringMatching(/^tried to silence it; no Alertmanager/) },
    ]);
    await work.stop();
    held.closeAllConnections();
    held.close();
  });
});
