import type { IncidentDetailView } from '../../src/cli/incident-view.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { startLedger, type Ledger } from '../support/daemon-ledger.ts';
import { waitUntil } from '../support/daemon-wait.ts';
import { hasOutcome, isResolved } from '../support/daemon-timeline.ts';
import { firingAlert, resolvedAlert, webhookBody, type WebhookAlert } from '../support/daemon-webhook.ts';
import { ALICE, peopleSettings, trusting } from '../support/people-settings.ts';
import { startPagerDuty } from '../support/servers/pagerduty/start-pagerduty.ts';
import type { PagerDutyServer } from '../support/servers/pagerduty/types.ts';
import { startSlack } from '../support/servers/slack/start-slack.ts';
import type { SlackMessage, SlackServer } from '../support/servers/slack/types.ts';

const RULES = `
rules:
  - name: act
    matchers: ['alertname = "Sick"']
    target: host/{{ labels.host }}
    mode: approve
    approval: { roles: [sre] }
    safety: { cooldown: 0s, max_targets: [50], max_runs: [100 per 24h] }
    verify: { resolved_within: 60s }
    escalation_policy: pages
    steps: [{ id: act, uses: http.request, connection: acts, with: { method: POST, path: '/act/{{ labels.host }}' } }]
`;

/** A request of the daemon around which it is killed: before it has any effect, or after it and before its answer is read. */
interface Moment {
  readonly name: string;
  readonly vendor: 'slack' | 'pagerduty';
  readonly method: string;
  readonly isIt: (args: Readonly<Record<string, unknown>>) => boolean;
}

const says = (args: Readonly<Record<string, unknown>>, text: string): boolean => JSON.stringify(args).includes(text);

const MOMENTS: readonly Moment[] = [
  { name: 'the message', vendor: 'slack', method: 'chat.postMessage', isIt: (args) => args['thread_ts'] === undefined },
  { name: 'a reply', vendor: 'slack', method: 'chat.postMessage', isIt: (args) => args['thread_ts'] !== undefined },
  {
    name: 'the progress',
    vendor: 'slack',
    method: 'chat.update',
    isIt: (args) => says(args, 'Monitoring'),
  },
  { name: 'the end', vendor: 'slack', method: 'chat.update', isIt: (args) => says(args, 'Resolved') },
  { name: 'the page', vendor: 'pagerduty', method: 'enqueue', isIt: (args) => args['event_action'] === 'trigger' },
  { name: "the page's end", vendor: 'pagerduty', method: 'enqueue', isIt: (args) => args['event_action'] === 'resolve' },
  { name: 'a change', vendor: 'pagerduty', method: 'change', isIt: () => true },
];

/** Longer than a test lasts: whoever waits for this answer is killed before it comes. */
const NEVER_MS = 600_000;

describe('killed around each message', () => {
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
          connections: { http: { acts: ledger.connection } },
          limits: { settle: '1s', max_runs: '1000 per 1h' },
          escalation_policies: { pages: [{ after: '0s', notify: { pagerduty: 'critical' } }] },
          severities: [{ name: 'P1', matchers: ['alertname =~ ".+"'] }],
        },
      }),
      (it) => it.stop(),
    );
  });
  afterAll(() => started.disposeAsync());

  const vendorOf = ({ vendor }: Moment): Pick<SlackServer, 'fail' | 'calls'> & { until(isMet: () => boolean): Promise<void> } =>
    vendor === 'slack' ? slack : pagerduty;
  const roots = (host: string): readonly SlackMessage[] =>
    slack.messages('#ops').filter((each) => !each.isBroadcast && each.allText.includes(`host/${host}`));
  const offersApproval = (host: string): boolean =>
    roots(host).some((root) => slack.controls(root).some(({ actionId }) => actionId === 'remedyd:approve'));
  const approve = async (host: string): Promise<void> => {
    await slack.until(() => offersApproval(host), 45_000);
    const [message] = roots(host);
    if (message === undefined) throw new Error(`nothing was asked for ${host}`);
    await slack.click({
      url: `${daemon.url}/slack/interactions`,
      user: ALICE,
      channel: '#ops',
      message,
      actionId: 'remedyd:approve',
    });
  };

  /** Kills the daemon at this moment of the story of a host, once, and starts it again. */
  const killAt = (moment: Moment, host: string, isAfter: boolean): Promise<void> => {
    const vendor = vendorOf(moment);
    const isIt = (args: Readonly<Record<string, unknown>>): boolean => says(args, host) && moment.isIt(args);
    const before = vendor.calls.length;
    vendor.fail({ method: moment.method, matching: isIt, how: isAfter ? { slowMs: NEVER_MS } : 'cut_before' });
    return vendor
      .until(() => vendor.calls.slice(before).some((call) => call.method === moment.method && isIt(call.args)))
      .then(() => daemon.kill9())
      .then(() => daemon.restart());
  };

  const incidentOf = (host: string, isSo: (incident: IncidentDetailView) => boolean): Promise<IncidentDetailView> =>
    waitUntil(`the incident of ${host} is as expected`, async () => {
      // It may be dead at the moment.
      const incidents = await daemon.incidents('act').catch(() => []);
      return incidents.find((incident) => incident.labels['host'] === host && isSo(incident));
    });
  /** As Alertmanager does: again, until it is taken. */
  const send = (alert: WebhookAlert): Promise<boolean> =>
    waitUntil('the webhook is taken', async () => {
      const status = await daemon.sendWebhook(webhookBody([alert])).catch(() => 0);
      return status === 202 ? true : undefined;
    });
  /** A request whose answer died with the process is in doubt: it is not repeated, and a person has to let others go on. */
  const settle = async (host: string): Promise<boolean> => {
    const { id, runs } = await incidentOf(host, (each) => ['verifying', 'ended'].includes(each.runs.at(-1)?.state ?? ''));
    const wasInterrupted = runs.at(-1)?.outcome === 'interrupted';
    if (wasInterrupted)
      await waitUntil('the quarantine is lifted', async () => {
        const status = await daemon.api(`/api/v1/incidents/${id}/cancel`, {}).then(
          (answer) => answer.status,
          () => 0,
        );
        return status === 200 || status === 409 ? true : undefined;
      });
    return wasInterrupted;
  };

  const cases = MOMENTS.flatMap((moment) => [true, false].map((isAfter) => [isAfter ? 'after' : 'before', moment] as const));
  it.each(cases.map(([when, moment]) => [when, moment.name, moment] as const))(
    '%s %s was taken: nothing is lost, done twice or said twice',
    async (when, _name, moment) => {
      const host = `${when}-${moment.name.replaceAll(/\W+/g, '-')}`;
      const killed = killAt(moment, host, when === 'after');
      const alert = firingAlert({ alertname: 'Sick', host });
      await send(alert);
      if (['the message', 'a reply', 'the page'].includes(moment.name)) await killed;
      await approve(host);
      if (moment.name === 'a change') await killed;
      const wasInterrupted = await settle(host);
      if (moment.name === 'the progress') await killed;
      await send(resolvedAlert(alert));
      await killed;
      if (!wasInterrupted) await incidentOf(host, hasOutcome('verified'));
      const incident = await incidentOf(host, isResolved);

      const key = `remedyd/${incident.id}`;
      await pagerduty.until(() => pagerduty.incident(key)?.status === 'resolved', 45_000);
      await slack.until(() => roots(host)[0]?.allText.includes('Resolved') === true, 45_000);
      expect(ledger.calls.filter((call) => call === host).length).toBeLessThanOrEqual(1);
      if (!wasInterrupted) expect(ledger.calls).toContain(host);
      expect(roots(host)).toHaveLength(1);
      expect(pagerduty.incidents.filter(({ dedupKey }) => dedupKey === key)).toHaveLength(1);
      expect(slack.duplicates()).toEqual([]);
      const [root] = roots(host);
      await slack.until(
        () => root !== undefined && slack.thread('#ops', root.ts).some((reply) => reply.allText.includes('every alert is over')),
      );
      const replies = slack
        .thread('#ops', root?.ts ?? '')
        .slice(1)
        .map(({ allText }) => allText);
      for (const entry of incident.timeline.filter(({ kind }) => kind === 'approval_given' || kind === 'run_verifying'))
        expect(replies.filter((reply) => reply.includes(entry.text.slice(0, 60)))).toHaveLength(1);
    },
    90_000,
  );

  it('a click that was answered is kept, and one that was not can be repeated', async () => {
    for (const [index, waitMs] of [0, 2, 5, 10, 20].entries()) {
      const host = `click-${String(index)}`;
      const alert = firingAlert({ alertname: 'Sick', host });
      await send(alert);
      await slack.until(() => offersApproval(host), 45_000);
      const clicked = approve(host).then(
        () => true,
        () => false,
      );
      // How far it comes is left to chance: whatever it is, it has to be sound.
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      await daemon.kill9();
      await clicked;
      await daemon.restart();
      const { runs } = await incidentOf(host, (each) => each.runs.at(-1)?.state !== 'running');
      if (runs.at(-1)?.state === 'held') await approve(host);
      const wasInterrupted = await settle(host);
      expect(ledger.calls.filter((call) => call === host).length).toBeLessThanOrEqual(1);
      if (!wasInterrupted) expect(ledger.calls).toContain(host);
      await send(resolvedAlert(alert));
    }
  }, 120_000);
});
