import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { waitUntil } from '../support/daemon-wait.ts';
import { firingAlert, resolvedAlert, webhookBody, type WebhookAlert } from '../support/daemon-webhook.ts';
import { peopleSettings, trusting } from '../support/people-settings.ts';
import { startPagerDuty } from '../support/servers/pagerduty/start-pagerduty.ts';
import type { PagerDutyServer } from '../support/servers/pagerduty/types.ts';
import { startSlack } from '../support/servers/slack/start-slack.ts';
import type { SlackMessage, SlackServer } from '../support/servers/slack/types.ts';

const RULES = `
rules:
  - { name: slow, matchers: ['alertname = "Slow"'], severity: P3 }
  - { name: down, matchers: ['alertname = "Down"'], severity: P1 }
`;
const SLOW = 200;
const DOWN = 20;
const AT_ONCE = 20;

const alertsOf = (alertname: string, count: number): readonly WebhookAlert[] =>
  Array.from({ length: count }, (_, index) => firingAlert({ alertname, host: `host-${index}` }));

describe('a storm of incidents that all page', () => {
  const started = new AsyncDisposableStack();
  const slow = alertsOf('Slow', SLOW);
  const down = alertsOf('Down', DOWN);
  let daemon: TestDaemon;
  let slack: SlackServer;
  let pagerduty: PagerDutyServer;

  beforeAll(async () => {
    slack = started.use(await startSlack({ rateLimits: true }));
    pagerduty = started.use(await startPagerDuty({ rateLimits: true }));
    const config = {
      ...peopleSettings(slack, pagerduty),
      limits: { settle: '1s' },
      severities: [
        { name: 'P1', matchers: ['alertname = "Down"'], escalation_policy: 'pages' },
        { name: 'P3', matchers: ['alertname = "Slow"'], escalation_policy: 'pages' },
      ],
      escalation_policies: { pages: [{ after: '0s', notify: { pagerduty: 'critical' } }] },
    };
    daemon = started.adopt(await startDaemon({ rules: { 'rules.yml': RULES }, config, env: trusting(pagerduty) }), (it) =>
      it.stop(),
    );
  }, 60_000);
  afterAll(() => started.disposeAsync());

  const send = async (alerts: readonly WebhookAlert[]): Promise<void> => {
    const left = [...alerts];
    const sendNext = async (): Promise<void> => {
      for (let alert = left.shift(); alert !== undefined; alert = left.shift())
        expect(await daemon.sendWebhook(webhookBody([alert]))).toBe(202);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, sendNext));
  };
  const roots = (): readonly SlackMessage[] => slack.messages('#ops').filter((message) => !message.isBroadcast);
  /** How many incidents the messages stand for. */
  const told = (): number =>
    roots().reduce((sum, { text }) => sum + Number(/(\d+) (?:of \d+ )?incidents are/.exec(text)?.[1] ?? 1), 0);
  const nothingWaits = (): Promise<true> =>
    waitUntil('nothing waits to be told', async () =>
      (await daemon.metric('remedyd_notification_queue_depth')) === 0 ? true : undefined,
    );
  const pages = (): number => pagerduty.calls.filter(({ method }) => method === 'enqueue').length;

  it('is a few messages, also when Slack limits them', async () => {
    slack.fail({ method: 'chat.update', how: { status: 429, retryAfter: 2 } });
    await send(slow);
    await slack.until(() => told() === SLOW);
    await nothingWaits();
    expect(slack.calls.length).toBeLessThan(30);
    expect(pages()).toBeLessThan(15);
    expect(slack.duplicates()).toEqual([]);
  });

  it('does not swallow what is more urgent', async () => {
    const before = roots().length;
    const called = pagerduty.incidents.length;
    await send(down);
    await slack.until(() => told() === SLOW + DOWN);
    await nothingWaits();
    const urgent = roots().slice(before);
    expect(urgent.length).toBeGreaterThan(0);
    expect(urgent.every(({ text }) => text.includes('P1') && !text.includes('P3'))).toBe(true);
    expect(pagerduty.incidents.slice(called).some(({ summary }) => summary.startsWith('P1'))).toBe(true);
  });

  it('ends in the same messages', async () => {
    const messages = roots().length;
    await send([...slow, ...down].map(resolvedAlert));
    await slack.until(() => roots().every(({ text }) => text.includes('Resolved') || text.includes('are closed')), 30_000);
    await pagerduty.until(() => pagerduty.incidents.every(({ status }) => status === 'resolved'));
    await nothingWaits();
    expect(roots()).toHaveLength(messages);
    expect(slack.calls.filter(({ outcome }) => outcome === 'http 429')).toHaveLength(1);
    expect(slack.calls.length).toBeLessThan(100);
    expect(pages()).toBeLessThan(40);
  });
});
