import { spawnSync } from 'node:child_process';
import { z } from 'zod';
import type { AlertmanagerConnection } from '../../src/domain/connection.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { parseParameters } from '../../src/domain/parameter.ts';
import { matchesPattern } from '../../src/domain/pattern.ts';
import type { AnyRemediation, StepContext } from '../../src/domain/remediation.ts';
import { Secret } from '../../src/domain/secret.ts';
import { SystemClock } from '../../src/domain/system-clock.ts';
import { alerts } from '../../src/remediations/alertmanager/alerts.ts';
import { expireSilence } from '../../src/remediations/alertmanager/expire-silence.ts';
import { silence } from '../../src/remediations/alertmanager/silence.ts';
import { startGuardingProxy } from '../support/guarding-proxy.ts';
import { startAlertmanager, type TestAlertmanager } from '../support/servers/alertmanager.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { findProgram } from '../support/servers/server-catalog.ts';
import { startSilentServer } from '../support/silent-server.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

const NOBODY = 'http://127.0.0.1:1';
// What the notes of the remediations ask for.
const READ_ALERTS = /^GET \/api\/v2\/alerts$/;
const SILENCES = /^(GET|POST) \/api\/v2\/silences$/;
const ONE_SILENCE = /^(GET|DELETE) \/api\/v2\/silence\/[^/]+$/;

const made = z.object({ id: z.string(), ends_at: z.string() });

function contextOf(url: string, overrides: Partial<StepContext> = {}, token?: string): StepContext {
  const connection: AlertmanagerConnection = {
    kind: 'alertmanager',
    name: 'main',
    url,
    ...(token === undefined ? {} : { bearerToken: new Secret(token) }),
  };
  return createStepContext(connection, overrides);
}

async function plan(remediation: AnyRemediation, params: JsonObject, context: StepContext) {
  return remediation.plan(parseParameters(remediation.params, params, matchesPattern), context);
}

async function perform(remediation: AnyRemediation, params: JsonObject, context: StepContext) {
  return remediation.run(await plan(remediation, params, context), context);
}

describe('a silence is refused', () => {
  it.each([
    [[], 'has 0 entries'],
    [[''], 'write NAME="VALUE"'],
    [['{}'], 'write NAME="VALUE"'],
    [['alertname'], 'write NAME="VALUE"'],
    [['alertname="A", job="b"'], 'write NAME="VALUE"'],
    // Without quotes a label of `~.+` would make `=` an `=~`.
    [['alertname=A'], 'write NAME="VALUE"'],
    [['alertname=~.+'], 'write NAME="VALUE"'],
    [['alertname=~"("'], 'not a regular expression'],
    [[7], 'write NAME="VALUE"'],
    [[['alertname="A"']], 'write NAME="VALUE"'],
    [Array.from({ length: 21 }, () => 'alertname="A"'), 'has 21 entries'],
  ])('for the matchers %j', async (matchers, message) => {
    const failure = await stepFailure(plan(silence, { matchers, duration: '10m' }, contextOf(NOBODY)));
    expect(failure).toMatchObject({ code: 'invalid_value', happened: 'nothing' });
    expect(failure.message).toContain(message);
  });

  it.each([
    ['alertname=""'],
    ['alertname=~".*"'],
    ['alertname!="Watchdog"'],
    ['alertname=~".+"'],
    ['alertname!~"Disk.*"', 'job=~".+"'],
    ['instance=~"[a-z0-9-]+"'],
    ['alertname=~"[A-Z].*"'],
    ['alertname=~"|.+"', 'instance!=""'],
  ])('for %j, which would hide nearly everything', async (...matchers) => {
    const failure = await stepFailure(plan(silence, { matchers, duration: '10m' }, contextOf(NOBODY)));
    expect(failure).toMatchObject({ code: 'not_allowed', happened: 'nothing' });
  });

  it.each([
    [['alertname="Down"'], 'hide Down'],
    [['job="web"', 'severity!="info"'], 'hide Down'],
    [['instance=~"web-.*"', 'missing=""'], 'hide Down'],
  ])('for %j, which an alert of the run matches', async (matchers, message) => {
    const own = [
      { alertname: 'Lag', job: 'db' },
      { alertname: 'Down', job: 'web', instance: 'web-1' },
    ];
    const failure = await stepFailure(plan(silence, { matchers, duration: '10m' }, contextOf(NOBODY, { alerts: own })));
    expect(failure).toMatchObject({ code: 'not_allowed', happened: 'nothing' });
    expect(failure.message).toContain(message);
  });

  it.each(['4h1s', '500ms', '', null])('for the duration %p', (duration) => {
    expect(() => parseParameters(silence.params, { matchers: ['a="b"'], duration }, matchesPattern)).toThrow(/duration/);
  });
});

describe('an Alertmanager that does not answer', () => {
  it.each([
    [silence, { matchers: ['alertname="A"'], duration: '10m' }],
    [alerts, { matchers: ['alertname="A"'] }],
    [expireSilence, { id: 'abc' }],
  ])('is a timeout or unavailable, and nothing happened', async (remediation, params) => {
    await using server = await startSilentServer();
    const hangs = contextOf(`http://127.0.0.1:${String(server.port)}`, { timeoutMs: 50 });
    expect(await stepFailure(perform(remediation, params, hangs))).toMatchObject({ code: 'timeout', happened: 'nothing' });
    expect(await stepFailure(perform(remediation, params, contextOf(NOBODY)))).toMatchObject({
      code: 'unavailable',
      happened: 'nothing',
    });
  });

  it('leaves it unknown whether a silence was made', async () => {
    await using server = await startSilentServer();
    const data = { matchers: ['alertname="A"'], durationMs: 60_000, comment: 'remedyd run run-1, step step-1' };
    const hangs = contextOf(`http://127.0.0.1:${String(server.port)}`, { timeoutMs: 50 });
    const work = silence.run({ summary: '', identity: {}, touches: [], data }, hangs);
    expect(await stepFailure(work)).toMatchObject({ code: 'timeout', happened: 'unknown' });
  });
});

describeWith('alertmanager', 'Alertmanager', () => {
  let server: TestAlertmanager;

  beforeAll(async () => {
    server = await startAlertmanager({ webhook: { url: 'http://127.0.0.1:1/' } });
    await server.postAlerts([
      { labels: { alertname: 'Down', instance: 'web-1' }, startsAt: new Date(Date.now() - 60_000).toISOString() },
      { labels: { alertname: 'Lag', instance: 'web-1' }, annotations: { summary: 'slow' } },
      { labels: { alertname: 'Lag', instance: 'a"b\\c' } },
    ]);
  });
  afterAll(() => server.stop());

  const order = { matchers: ['alertname="Lag"', 'instance=~"web-.*"'], duration: '10m', comment: 'web-1 restarts' };
  const stateOf = async (id: string): Promise<unknown> => {
    const answer = (await (await fetch(`${server.url}/api/v2/silence/${id}`)).json()) as { status: { state: unknown } };
    return answer.status.state;
  };
  const lagging = () => perform(alerts, { matchers: ['alertname="Lag"'] }, contextOf(server.url));

  it('leaves out an alert whose annotations are huge, and hides none behind it', async () => {
    const startsAt = new Date(Date.now() - 90_000).toISOString();
    await server.postAlerts([
      { labels: { alertname: 'Loud', n: '1' }, annotations: { summary: 'x'.repeat(300_000) }, startsAt },
      { labels: { alertname: 'Loud', n: '2' } },
    ]);
    const output = await perform(alerts, { matchers: ['alertname="Loud"'] }, contextOf(server.url));
    expect(output).toMatchObject({ count: 2, alerts: [{ labels: { n: '2' } }] });
    expect(JSON.stringify(output).length).toBeLessThan(300_000);
  });

  it('gives the alerts that match, the oldest first', async () => {
    const context = contextOf(server.url);
    expect(await perform(alerts, { matchers: ['instance="web-1"'] }, context)).toMatchObject({
      count: 2,
      active: 2,
      alerts: [
        { labels: { alertname: 'Down', instance: 'web-1' }, state: 'active' },
        { labels: { alertname: 'Lag' }, annotations: { summary: 'slow' } },
      ],
    });
    expect(await perform(alerts, { matchers: ['instance="a\\"b\\\\c"'] }, context)).toMatchObject({ count: 1 });
    expect(await perform(alerts, { matchers: ['alertname="Gone"'] }, context)).toEqual({ count: 0, active: 0, alerts: [] });
  });

  it('hides the expected alerts and no others, until the silence is ended', async () => {
    const context = contextOf(server.url, { alerts: [{ alertname: 'Down', instance: 'web-1' }] });
    const planned = await plan(silence, order, context);
    expect(planned).toMatchObject({
      summary: 'silence {alertname="Lag", instance=~"web-.*"} in Alertmanager "main" for 10m (1 firing now)',
      identity: { connection: 'main', matchers: ['alertname="Lag"', 'instance=~"web-.*"'], duration_ms: 600_000 },
      touches: ['alertmanager:main/alertname="Lag",instance=~"web-.*"'],
      count: 1,
    });
    const output = made.parse(await silence.run(planned, context));
    expect(await lagging()).toMatchObject({ count: 2, active: 1 });
    expect(await perform(alerts, { matchers: ['alertname="Down"'] }, context)).toMatchObject({ active: 1 });
    expect(Date.parse(output.ends_at) - Date.now()).toBeLessThanOrEqual(600_000);
    const amtool = findProgram('amtool');
    if (amtool !== undefined) {
      const args = ['silence', 'query', `--alertmanager.url=${server.url}`, '--output=extended'];
      const { stdout } = spawnSync(amtool, args, { encoding: 'utf8' });
      expect(stdout).toContain(output.id);
      expect(stdout).toContain('remedyd run run-1, step step-1: web-1 restarts');
    }

    expect(await perform(expireSilence, { id: output.id }, context)).toEqual({ previous: 'active' });
    expect(await stateOf(output.id)).toBe('expired');
    expect(await lagging()).toMatchObject({ count: 2, active: 2 });
    // Again is no failure, and changes nothing.
    expect(await plan(expireSilence, { id: output.id }, context)).toMatchObject({ count: 0 });
    expect(await perform(expireSilence, { id: output.id }, context)).toEqual({ previous: 'expired' });
  });

  it('is not asked for a silence that an alert which joined the run meanwhile matches', async () => {
    const context = contextOf(server.url);
    const planned = await plan(silence, order, context);
    const joined = contextOf(server.url, { alerts: [{ alertname: 'Lag', instance: 'web-1' }] });
    expect(await stepFailure(silence.run(planned, joined))).toMatchObject({ code: 'not_allowed', happened: 'nothing' });
    expect(await lagging()).toMatchObject({ active: 2 });
  });

  it('is looked at for a silence whose making is in doubt', async () => {
    const clock = new SystemClock();
    const context = contextOf(server.url, { stepId: '0:steps/doubt[1]' });
    const planned = await plan(silence, order, context);
    expect(await silence.look?.(planned, clock.now(), context)).toEqual({ state: 'wait', ms: 2_000 });
    expect(await silence.look?.(planned, clock.now() - 60_000, context)).toEqual({ state: 'not_done' });
    const output = await silence.run(planned, context);
    expect(await silence.look?.(planned, clock.now(), context)).toEqual({ state: 'done', output });
    // Another round of the step, or another run, has made none.
    for (const other of [{ stepId: '0:steps/doubt[2]' }, { stepId: '0:steps/doubt[1]', runId: 'run-2' }]) {
      const elsewhere = contextOf(server.url, other);
      const look = silence.look?.(await plan(silence, order, elsewhere), clock.now() - 60_000, elsewhere);
      expect(await look).toEqual({ state: 'not_done' });
    }
    await perform(expireSilence, { id: output['id'] ?? null }, context);
    expect(await silence.look?.(planned, clock.now() - 60_000, context)).toEqual({ state: 'not_done' });
  });

  it.each([
    ['alice', 'remedyd run run-1, step step-1'],
    ['remedyd', 'alice asked for it in Slack'],
  ])('keeps a silence that %s made: %s', async (createdBy, comment) => {
    const body = {
      matchers: [{ name: 'alertname', value: 'Other', isRegex: false, isEqual: true }],
      startsAt: new Date().toISOString(),
      endsAt: new Date(Date.now() + 600_000).toISOString(),
      createdBy,
      comment,
    };
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${server.url}/api/v2/silences`, { method: 'POST', headers, body: JSON.stringify(body) });
    const { silenceID: id } = (await answer.json()) as { silenceID: string };
    const failure = await stepFailure(perform(expireSilence, { id }, contextOf(server.url)));
    expect(failure).toMatchObject({ code: 'not_allowed', happened: 'nothing' });
    expect(await stateOf(id)).toBe('active');
  });

  it('that has forgotten a silence hides nothing', async () => {
    const id = '00000000-0000-4000-8000-000000000000';
    expect(await perform(expireSilence, { id }, contextOf(server.url))).toEqual({ previous: 'absent' });
    expect(() => parseParameters(expireSilence.params, { id: '../silences' }, matchesPattern)).toThrow(/id/);
  });

  it('is asked for no more than the notes say, and what is missing is named', async () => {
    const all = [READ_ALERTS, SILENCES, ONE_SILENCE];
    await using proxy = await startGuardingProxy(server.url, 'canary-token', all);
    const context = contextOf(proxy.url, {}, 'canary-token');
    const { id = null } = await perform(silence, order, context);
    await perform(expireSilence, { id }, context);

    const denied = async (allow: readonly RegExp[], work: (context: StepContext) => Promise<unknown>): Promise<string> => {
      await using closed = await startGuardingProxy(server.url, 'canary-token', allow);
      const failure = await stepFailure(work(contextOf(closed.url, {}, 'canary-token')));
      expect(failure).toMatchObject({ code: 'permission_denied', happened: 'nothing' });
      expect(failure.message).not.toContain('canary');
      return failure.message;
    };
    expect(await denied([SILENCES], (given) => perform(silence, order, given))).toContain('/api/v2/alerts was answered 403');
    expect(await denied([READ_ALERTS], (given) => perform(silence, order, given))).toContain('POST');
    expect(await denied([READ_ALERTS], (given) => perform(expireSilence, { id }, given))).toContain('/api/v2/silence/');
    const wrong = await stepFailure(perform(alerts, { matchers: ['a="b"'] }, contextOf(proxy.url, {}, 'other-canary')));
    expect(wrong).toMatchObject({ code: 'permission_denied' });
    expect(wrong.message).not.toContain('canary');
  });
});
