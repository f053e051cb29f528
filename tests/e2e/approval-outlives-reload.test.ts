import { ADMIN_TOKEN, startDaemon, type TestDaemon } from '../support/daemon.ts';
import { runCli, type CliResult } from '../support/daemon-cli.ts';
import { startLedger, type Ledger } from '../support/daemon-ledger.ts';
import { firingAlert, webhookBody } from '../support/daemon-webhook.ts';

/** A rule that asks before it acts; `act` is the first word of the path it calls. */
function ruleFor(act: string): string {
  return `
rules:
  - name: asks
    mode: approve
    matchers: ['alertname = "Sick"']
    target: host/{{ labels.host }}
    steps: [{ id: act, uses: http.request, connection: ledger, with: { method: POST, path: '/act/{{ labels.host }}${act}' } }]
`;
}

const REMOVED = 'rules: []\n';

describe('a run that waits for an approval', () => {
  let started: AsyncDisposableStack;
  let ledger: Ledger;
  let daemon: TestDaemon;

  beforeEach(async () => {
    started = new AsyncDisposableStack();
    ledger = started.adopt(await startLedger(), (it) => it.stop());
    const config = { connections: { http: { ledger: ledger.connection } } };
    daemon = started.adopt(await startDaemon({ rules: { 'rules.yml': ruleFor('') }, config }), (it) => it.stop());
  });
  afterEach(() => started.disposeAsync());

  const remedyd = (...args: string[]): Promise<CliResult> =>
    runCli(args, { REMEDYD_URL: daemon.url, REMEDYD_TOKEN: ADMIN_TOKEN });

  it.each([
    ['was changed', ruleFor('-by-the-new-rule')],
    ['is gone', REMOVED],
  ])('waits on after its rule %s and the daemon was killed, and does what people were asked', async (_, rules) => {
    expect(await daemon.sendWebhook(webhookBody([firingAlert({ alertname: 'Sick', host: 'alpha' })]))).toBe(202);
    const asked = await daemon.waitForIncident('asks', ({ runs }) => runs[0]?.approval?.state === 'open');
    const digest = asked.runs[0]?.intent_digest ?? '';

    daemon.writeRules('rules.yml', rules);
    expect(await daemon.api('/-/reload', {})).toMatchObject({ status: 200 });
    await daemon.kill9();
    await daemon.restart();

    const waiting = await daemon.waitForIncident('asks', ({ id }) => id === asked.id);
    expect(waiting.runs).toMatchObject([
      { state: 'held', reason: 'approval', intent_digest: digest, approval: { state: 'open' } },
    ]);
    expect(ledger.calls).toEqual([]);

    const answer = await remedyd('incident', 'approve', asked.id, '--intent-digest', digest);
    expect(answer).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('approved by alice') });
    await daemon.waitForIncident('asks', ({ runs }) => runs[0]?.steps.some(({ state }) => state === 'succeeded') === true);
    expect(ledger.calls).toEqual(['alpha']);
  });
});
