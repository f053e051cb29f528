import type { IncidentDetailView } from '../../src/cli/incident-view.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { startLedger, type Ledger } from '../support/daemon-ledger.ts';
import { hasEnded, hasOutcome, isResolved, lastRun } from '../support/daemon-timeline.ts';
import { waitUntil } from '../support/daemon-wait.ts';
import { firingAlert, resolvedAlert, webhookBody, type WebhookAlert } from '../support/daemon-webhook.ts';
import { ALICE, BOB, CAROL, PAGERDUTY_WEBHOOK_SECRET, peopleSettings, trusting } from '../support/people-settings.ts';
import { startPagerDuty } from '../support/servers/pagerduty/start-pagerduty.ts';
import type { PagerDutyIncident, PagerDutyServer } from '../support/servers/pagerduty/types.ts';
import { startSlack } from '../support/servers/slack/start-slack.ts';
import type { SlackMessage, SlackServer } from '../support/servers/slack/types.ts';

const RULES = `
defaults:
  mode: auto
  safety: { cooldown: 0s, max_targets: [50] }
  verify: { resolved_within: 20s }
rules:
  - name: by-two
    matchers: ['alertname = "ByTwo"']
    target: host/{{ labels.host }}
    mode: approve
    approval: { roles: [sre], count: 2 }
    steps: [{ id: act, uses: http.request, connection: acts, with: &act { method: POST, path: '/act/{{ labels.host }}' } }]
  - name: by-one
    matchers: ['alertname = "ByOne"']
    target: host/{{ labels.host }}
    mode: approve
    steps: [{ id: act, uses: http.request, connection: acts, with: *act }]
  - name: announced
    matchers: ['alertname = "Announced"']
    target: host/{{ labels.host }}
    cancel_window: 1h
    steps: [{ id: act, uses: http.request, connection: acts, with: *act }]
  - name: paged
    matchers: ['alertname = "Paged"']
    escalation_policy: pages
  - name: by-hand
    manual: { roles: [sre] }
    params: { host: { type: string, required: true, pattern: '[a-z0-9-]+' } }
    target: host/{{ params.host }}
    escalation_policy: standard
    steps: [{ id: act, uses: http.request, connection: hands, with: { method: POST, path: '/act/{{ params.host }}' } }]
`;

describe('people in Slack and PagerDuty', () => {
  const started = new AsyncDisposableStack();
  let ledger: Ledger;
  let slack: SlackServer;
  let pagerduty: PagerDutyServer;
  let daemon: TestDaemon;

  beforeAll(async () => {
    ledger = started.adopt(await startLedger(), (it) => it.stop());
    slack = started.use(await startSlack());
    pagerduty = started.use(await startPagerDuty());
    daemon = started.adopt(
      await startDaemon({
        rules: { 'rules.yml': RULES },
        env: trusting(pagerduty),
        config: {
          ...peopleSettings(slack, pagerduty),
          // A run keeps what it touches until it has ended.
          connections: { http: { acts: ledger.connection, hands: ledger.connection } },
          limits: { settle: '1s', max_runs: '1000 per 1h' },
          escalation_policies: {
            standard: [{ after: '1h', unless: ['acknowledged'], notify: { slack: '#incidents' } }],
            pages: [{ after: '0s', notify: { pagerduty: 'critical' } }],
          },
        },
      }),
      (it) => it.stop(),
    );
  });
  afterAll(() => started.disposeAsync());

  const fire = async (alertname: string, host: string): Promise<WebhookAlert> => {
    const alert = firingAlert({ alertname, host });
    expect(await daemon.sendWebhook(webhookBody([alert]))).toBe(202);
    return alert;
  };
  const resolve = async (alert: WebhookAlert): Promise<void> => {
    expect(await daemon.sendWebhook(webhookBody([resolvedAlert(alert)]))).toBe(202);
  };
  const incidentOf = (rule: string, host: string, isSo: (incident: IncidentDetailView) => boolean = () => true) =>
    waitUntil(`the incident of ${host} is as expected`, async () =>
      (await daemon.incidents(rule)).find((incident) => incident.labels['host'] === host && isSo(incident)),
    );
  /** The message that speaks of this host, once it holds. */
  const message = async (host: string, isSo: (message: SlackMessage) => boolean = () => true): Promise<SlackMessage> => {
    const find = (): SlackMessage | undefined =>
      slack.messages('#ops').find((each) => !each.isBroadcast && each.allText.includes(host) && isSo(each));
    await slack.until(() => find() !== undefined);
    const found = find();
    if (found === undefined) throw new Error(`no message speaks of ${host}`);
    return found;
  };
  const offers = (label: string) => (each: SlackMessage) => slack.controls(each).some((control) => control.label === label);
  const click = async (user: string, on: SlackMessage, actionId: string, selected?: string): Promise<string> => {
    const answer = await slack.click({
      url: `${daemon.url}/slack/interactions`,
      user,
      channel: '#ops',
      message: on,
      actionId,
      ...(selected === undefined ? {} : { selected }),
    });
    expect(answer.status).toBe(200);
    expect(answer.ms).toBeLessThan(3_000);
    return answer.body;
  };
  const command = async (user: string, text: string): Promise<string> => {
    const answer = await slack.command({ url: `${daemon.url}/slack/commands`, user, text });
    expect(answer.status).toBe(200);
    return answer.body;
  };

  it('approval by two means two people, not two clicks; the third learns who decided', async () => {
    const alert = await fire('ByTwo', 'two');
    const asked = await message('host/two', offers('Approve'));
    await click(ALICE, asked, 'remedyd:approve');
    expect(await click(ALICE, asked, 'remedyd:approve')).toMatch(/already|1 of 2/);
    expect(ledger.calls).not.toContain('two');
    const body = slack.clickBody({ user: BOB, channel: '#ops', message: asked, actionId: 'remedyd:approve' });
    const timestamp = Math.floor(Date.now() / 1_000);
    const headers = {
      'x-slack-request-timestamp': String(timestamp),
      'x-slack-signature': slack.sign(slack.signingSecret, timestamp, body),
    };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => slack.post(`${daemon.url}/slack/interactions`, body, headers)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    await incidentOf('by-two', 'two', ({ runs }) => runs.at(-1)?.state === 'verifying');
    expect(ledger.calls.filter((call) => call === 'two')).toHaveLength(1);
    await resolve(alert);
    await incidentOf('by-two', 'two', hasOutcome('verified'));
  });

  it('a rejection ends it, and what was asked cannot be allowed any more', async () => {
    await fire('ByOne', 'rejected');
    const asked = await message('host/rejected', offers('Reject'));
    const { value } = slack.controls(asked).find((control) => control.label === 'Approve') ?? {};
    await click(BOB, asked, 'remedyd:reject');
    const incident = await incidentOf('by-one', 'rejected', hasEnded);
    expect(lastRun(incident)).toMatchObject({ outcome: 'cancelled', reason: 'rejected' });
    const changed = await message('host/rejected', (each) => !offers('Approve')(each));
    expect(offers('Approve')(changed)).toBe(false);
    const stale = slack.clickBody({
      user: ALICE,
      channel: '#ops',
      message: changed,
      actionId: 'remedyd:why',
      ...(value === undefined ? {} : { value }),
    });
    const forged = new URLSearchParams(stale);
    forged.set('payload', (forged.get('payload') ?? '').replaceAll('remedyd:why', 'remedyd:approve'));
    const late = await slack.post(`${daemon.url}/slack/interactions`, forged.toString());
    expect(late.body).toContain('bob');
    expect(ledger.calls).not.toContain('rejected');
  });

  it('an approval is void when the alert resolves, and its message says so', async () => {
    const alert = await fire('ByOne', 'recovers');
    const asked = await message('host/recovers', offers('Approve'));
    await resolve(alert);
    await incidentOf('by-one', 'recovers', hasEnded);
    expect(await click(ALICE, asked, 'remedyd:why').catch(() => 'no such button')).toBeDefined();
    await message('host/recovers', (each) => !offers('Approve')(each));
    expect(ledger.calls).not.toContain('recovers');
  });

  it('Run now skips the cancel window, Cancel ends what was announced', async () => {
    const first = await fire('Announced', 'now');
    await click(ALICE, await message('host/now', offers('Run now')), 'remedyd:run_now');
    await incidentOf('announced', 'now', ({ runs }) => runs.at(-1)?.state === 'verifying');
    expect(ledger.calls).toContain('now');
    await resolve(first);
    await fire('Announced', 'never');
    await click(BOB, await message('host/never', offers('Cancel')), 'remedyd:cancel');
    expect(lastRun(await incidentOf('announced', 'never', hasEnded))).toMatchObject({ outcome: 'cancelled' });
    expect(ledger.calls).not.toContain('never');
  });

  it('an acknowledgement in Slack reaches PagerDuty, one in PagerDuty reaches Slack, and resolving ends both', async () => {
    const page = async (host: string): Promise<PagerDutyIncident> => {
      const { id } = await incidentOf('paged', host);
      await pagerduty.until(() => pagerduty.incident(`remedyd/${id}`) !== undefined);
      const found = pagerduty.incident(`remedyd/${id}`);
      if (found === undefined) throw new Error(`nobody was paged for ${host}`);
      return found;
    };
    const here = await fire('Paged', 'acked-here');
    const first = await page('acked-here');
    await click(CAROL, await message('acked-here', offers('Acknowledge')), 'remedyd:ack');
    await pagerduty.until(() => first.status === 'acknowledged');

    await fire('Paged', 'acked-there');
    const second = await page('acked-there');
    const webhook = { url: `${daemon.url}/webhooks/pagerduty`, secrets: [PAGERDUTY_WEBHOOK_SECRET], incident: second };
    const answer = await pagerduty.webhook({ ...webhook, event: 'incident.acknowledged', agent: { id: 'PALICE1', name: 'A' } });
    expect(answer.status).toBe(202);
    const taken = await incidentOf('paged', 'acked-there', ({ status }) => status === 'acknowledged');
    expect(taken.acknowledged_by).toBe('alice');
    await message('acked-there', (each) => each.allText.includes('alice') && !offers('Acknowledge')(each));

    await resolve(here);
    await incidentOf('paged', 'acked-here', isResolved);
    await pagerduty.until(() => first.status === 'resolved');
    expect(pagerduty.events.filter(({ dedupKey }) => dedupKey === first.dedupKey).map(({ action }) => action)).toEqual([
      'trigger',
      'acknowledge',
      'resolve',
    ]);
  });

  it('tells everything once Slack is back, in one message for each incident', async () => {
    await slack.goDown();
    const hosts = ['down-1', 'down-2', 'down-3'];
    for (const host of hosts) {
      const alert = await fire('Announced', host);
      await incidentOf('announced', host);
      await daemon.api(`/api/v1/incidents/${(await incidentOf('announced', host)).id}/note`, { text: `look at ${host}` });
      await resolve(alert);
      await incidentOf('announced', host, isResolved);
    }
    expect(await daemon.metric('remedyd_notification_queue_depth', { channel: 'slack' })).toBeGreaterThanOrEqual(hosts.length);
    await slack.comeBack();
    for (const host of hosts) {
      const told = await message(`host/${host}`, (each) => each.allText.includes('Resolved'));
      await slack.until(() => slack.thread('#ops', told.ts).some((reply) => reply.allText.includes(`look at ${host}`)));
      expect(slack.messages('#ops').filter((each) => !each.isBroadcast && each.allText.includes(`host/${host}`))).toHaveLength(1);
    }
    expect(slack.duplicates()).toEqual([]);
  });

  it('/remedyd lists, shows, starts rules by hand with typed parameters, and knows who may', async () => {
    await fire('Announced', 'listed');
    await incidentOf('announced', 'listed');
    expect(await command(ALICE, 'help')).toContain('approve');
    expect(await command(ALICE, 'status')).toMatch(/not paused|running/i);
    expect(await command(ALICE, 'list')).toContain('host=listed');
    expect(await command(CAROL, 'run by-hand host=web-1')).toMatch(/sre/);
    expect(await command(ALICE, 'run by-hand host=Web_1')).toMatch(/host/);
    expect(await command(ALICE, 'run by-hand')).toMatch(/host/);
    expect(ledger.calls.filter((call) => call.toLowerCase().startsWith('web'))).toEqual([]);
    expect(await command(ALICE, 'run by-hand host=web-1')).toContain('by-hand');
    await slack.until(() => ledger.calls.includes('web-1'));
    expect(await command('U0NOBODY1', 'ack inc_1')).toContain('U0NOBODY1');
  });

  it('answers Why? with every gate and what it said', async () => {
    await fire('Announced', 'why');
    const asked = await message('host/why', offers('Why?'));
    const answer = await click(CAROL, asked, 'remedyd:why');
    expect(answer).toContain('cancel_window');
    expect(answer).toContain('cooldown');
  });
});
