import { Redis } from 'ioredis';
import { runCli } from '../support/daemon-cli.ts';
import { ADMIN_TOKEN } from '../support/daemon.ts';
import { startStack, type Stack } from '../support/daemon-stack.ts';
import { isResolved, lastRun, outputOf, storyOf } from '../support/daemon-timeline.ts';
import { ALICE, CAROL, peopleSettings, trusting } from '../support/people-settings.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { startPagerDuty } from '../support/servers/pagerduty/start-pagerduty.ts';
import type { PagerDutyServer } from '../support/servers/pagerduty/types.ts';
import { startRedis } from '../support/servers/redis.ts';
import { startSlack } from '../support/servers/slack/start-slack.ts';
import type { SlackMessage, SlackServer } from '../support/servers/slack/types.ts';

const ALERTS = `
groups:
  - name: redis
    rules:
      - { alert: RedisMemoryFull, expr: redis_memory_ratio > 0.9, annotations: { summary: '<!channel> all' } }
`;

// Deleting keys is destructive, and the rule does not allow that by itself.
const RULES = `
rules:
  - name: redis-memory-full
    mode: auto
    matchers: ['alertname = "RedisMemoryFull"']
    target: redis/{{ labels.cluster }}
    fields: { Impact: '{{ annotations.summary }}' }
    steps:
      - { id: before, uses: redis.info, with: { section: memory } }
      - { id: clear, uses: redis.delete_keys, with: { match: 'cache:*', batch: 100 } }
    verify:
      checks: [{ uses: redis.info, expect: 'output.memory_ratio < 0.8', within: 20s }]
      resolved_within: 30s
`;

async function memoryRatio(redis: Redis): Promise<number> {
  const info = await redis.info('memory');
  const figure = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);
  return figure('used_memory') / figure('maxmemory');
}

async function fill(redis: Redis): Promise<number> {
  let pages = 0;
  while ((await memoryRatio(redis)) < 0.92) await redis.set(`cache:page:${String(pages++)}`, 'p'.repeat(8_000));
  return pages;
}

describeWith(['redis', 'prometheus', 'alertmanager'], 'a person allows the repair in Slack', () => {
  const started = new AsyncDisposableStack();
  let redis: Redis;
  let stack: Stack;
  let slack: SlackServer;
  let pagerduty: PagerDutyServer;

  beforeAll(async () => {
    slack = started.use(await startSlack());
    pagerduty = started.use(await startPagerDuty());
    const server = started.adopt(await startRedis({ settings: { maxmemory: '8mb' } }), (it) => it.stop());
    redis = started.adopt(new Redis(server.url), (it) => it.disconnect());
    const options = {
      measures: [{ metric: 'redis_memory_ratio', labels: { cluster: 'pages' }, read: () => memoryRatio(redis) }],
      alerts: ALERTS,
      rules: RULES,
      config: {
        ...peopleSettings(slack, pagerduty),
        connections: { redis: { pages: { url: server.url } } },
        escalation_policies: { standard: [{ after: '0s', notify: { pagerduty: 'critical' } }] },
        severities: [{ name: 'P1', matchers: ['alertname =~ ".+"'], escalation_policy: 'standard', post_mortem: true }],
      },
      env: trusting(pagerduty),
    };
    stack = started.adopt(await startStack(options), (it) => it.stop());
  }, 90_000);
  afterAll(() => started.disposeAsync());

  const root = (): SlackMessage | undefined => slack.messages('#ops').find((message) => !message.isBroadcast);
  const offers = (label: string): boolean => {
    const message = root();
    return message !== undefined && slack.controls(message).some((control) => control.label === label);
  };
  const click = (user: string, actionId: string) => {
    const message = root();
    if (message === undefined) throw new Error('there is no message');
    return slack.click({ url: `${stack.daemon.url}/slack/interactions`, user, channel: '#ops', message, actionId });
  };

  it('asks, refuses whom it does not know, acts when it is allowed, verifies, and PagerDuty resolves', async () => {
    const pages = await fill(redis);
    await slack.until(() => offers('Approve'), 45_000);
    await pagerduty.until(() => pagerduty.incidents.some(({ status }) => status === 'triggered'));
    expect(root()?.allText).toContain('cache:*');
    // Label text is data.
    expect(root()?.live).not.toContain('!channel');

    const refused = await click(CAROL, 'remedyd:approve');
    expect(refused.status).toBe(200);
    expect(JSON.parse(refused.body)).toMatchObject({ response_type: 'ephemeral', replace_original: false });
    expect(refused.body).toContain('sre');
    // Slack shows nothing of the body: the words go to its response URL too.
    await slack.until(() => JSON.stringify(slack.responses).includes('sre'));
    expect(await redis.keys('cache:*')).toHaveLength(pages);

    expect((await click(ALICE, 'remedyd:approve')).status).toBe(200);
    const incident = await stack.daemon.waitForIncident('redis-memory-full', isResolved);
    const run = lastRun(incident);
    expect(run).toMatchObject({ target: 'redis/pages', outcome: 'verified' });
    expect(outputOf(run, 'clear')).toEqual({ deleted: pages, remaining: 0 });
    expect(storyOf(incident, ['approval_asked', 'approval_given', 'run_verifying', 'resolved'])).toEqual([
      'approval_asked',
      'approval_given',
      'run_verifying',
      'resolved',
    ]);

    await pagerduty.until(
      () => pagerduty.incidents.length > 0 && pagerduty.incidents.every(({ status }) => status === 'resolved'),
    );
    expect(pagerduty.incidents).toHaveLength(1);
    await slack.until(() => root()?.allText.includes('Resolved') === true && !offers('Approve') && !offers('Acknowledge'));
    expect(slack.messages('#ops').filter((message) => !message.isBroadcast)).toHaveLength(1);
    expect(slack.duplicates()).toEqual([]);
    await slack.until(() => slack.files.some(({ name, sharedIn }) => name.endsWith('.md') && sharedIn?.threadTs === root()?.ts));

    const audit = await stack.daemon.api('/api/v1/audit');
    expect(audit.body).toMatchObject({
      entries: [
        { person: 'alice', via: 'slack', action: 'approve', ok: true },
        { person: 'carol', via: 'slack', action: 'approve', ok: false },
      ],
    });
    const postMortem = await runCli(['incident', 'post-mortem', incident.id], {
      REMEDYD_URL: stack.daemon.url,
      REMEDYD_TOKEN: ADMIN_TOKEN,
    });
    expect(postMortem.stdout).toContain('`redis/pages`: verified; evidence: its checks');
  });
});
