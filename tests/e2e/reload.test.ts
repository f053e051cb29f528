import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { startLedger, type Ledger } from '../support/daemon-ledger.ts';
import { waitUntil } from '../support/daemon-wait.ts';
import { firingAlert, webhookBody } from '../support/daemon-webhook.ts';

function ruleFor(alertname: string): string {
  return `
rules:
  - name: act
    mode: auto
    matchers: ['alertname = "${alertname}"']
    target: host/{{ labels.host }}
    safety: { cooldown: 0s, max_targets: [10] }
    steps: [{ id: act, uses: http.request, with: { method: POST, path: '/act/{{ labels.host }}' } }]
`;
}

const BROKEN = ruleFor('New').replace('steps:', 'stepz:');

describe('the rules change while the daemon runs', () => {
  let started: AsyncDisposableStack;
  let ledger: Ledger;
  let daemon: TestDaemon;

  beforeEach(async () => {
    started = new AsyncDisposableStack();
    ledger = started.adopt(await startLedger(), (it) => it.stop());
    const config = { connections: { http: { act: ledger.connection } } };
    daemon = started.adopt(await startDaemon({ rules: { 'rules.yml': ruleFor('Old') }, config }), (it) => it.stop());
  });
  afterEach(() => started.disposeAsync());

  const fire = async (alertname: string, host: string): Promise<void> => {
    expect(await daemon.sendWebhook(webhookBody([firingAlert({ alertname, host })]))).toBe(202);
  };
  const reloaded = (): Promise<number> => daemon.metric('remedyd_config_last_reload_successful');
  const acted = (host: string): Promise<true> =>
    waitUntil(`the rule has acted on ${host}`, () => (ledger.calls.includes(host) ? true : undefined), {
      explain: () => JSON.stringify(daemon.logs()),
    });

  it('keeps the old rules live when a file is broken, and says so', async () => {
    daemon.writeRules('rules.yml', BROKEN);
    const answer = await daemon.api('/-/reload', {});
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(JSON.stringify(answer.body)).toContain("unknown key 'stepz', did you mean 'steps'?");
    expect(await reloaded()).toBe(0);
    expect(
      daemon
        .logs()
        .filter(({ level }) => level === 'error')
        .map((line) => JSON.stringify(line))
        .join('\n'),
    ).toContain('stepz');
    await fire('Old', 'alpha');
    await acted('alpha');
  });

  it('takes the repaired file', async () => {
    daemon.writeRules('rules.yml', BROKEN);
    await daemon.api('/-/reload', {});
    daemon.writeRules('rules.yml', ruleFor('New'));
    expect(await daemon.api('/-/reload', {})).toMatchObject({ status: 200 });
    expect(await reloaded()).toBe(1);
    await fire('Old', 'alpha');
    await fire('New', 'beta');
    await acted('beta');
    expect(ledger.calls).toEqual(['beta']);
    expect(await daemon.metric('remedyd_alerts_unmatched_total')).toBe(1);
  });

  it('reloads on SIGHUP as well', async () => {
    daemon.writeRules('rules.yml', BROKEN);
    process.kill(daemon.pid(), 'SIGHUP');
    await waitUntil('the reload has failed', async () => ((await reloaded()) === 0 ? true : undefined));
    daemon.writeRules('rules.yml', ruleFor('New'));
    process.kill(daemon.pid(), 'SIGHUP');
    await waitUntil('the reload has succeeded', async () => ((await reloaded()) === 1 ? true : undefined));
    await fire('New', 'gamma');
    await acted('gamma');
  });
});
