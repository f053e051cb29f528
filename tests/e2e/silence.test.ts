import * as z from 'zod';
import { startDaemon, WEBHOOK_TOKEN, type TestDaemon } from '../support/daemon.ts';
import { startLedger, type Ledger } from '../support/daemon-ledger.ts';
import { hasEnded, hasOutcome } from '../support/daemon-timeline.ts';
import { startAlertmanager, type TestAlertmanager } from '../support/servers/alertmanager.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { freePort } from '../support/servers/free-port.ts';

const RULES = `
rules:
  - name: act
    mode: auto
    matchers: ['alertname = "Noisy"']
    target: host/{{ labels.host }}
    delay: 25s # longer than the time between two looks at Alertmanager
    steps: [{ id: act, uses: http.request, with: { method: POST, path: '/act/{{ labels.host }}' } }]
`;

const LABELS = { alertname: 'Noisy', host: 'alpha' };

const silenceSchema = z.object({ silenceID: z.string() });

async function silence({ url }: TestAlertmanager): Promise<string> {
  const response = await fetch(`${url}/api/v2/silences`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      matchers: [{ name: 'alertname', value: 'Noisy', isRegex: false, isEqual: true }],
      startsAt: new Date().toISOString(),
      endsAt: new Date(Date.now() + 3_600_000).toISOString(),
      createdBy: 'alice',
      comment: 'I look at it myself',
    }),
  });
  return silenceSchema.parse(await response.json()).silenceID;
}

async function expire({ url }: TestAlertmanager, id: string): Promise<void> {
  await fetch(`${url}/api/v2/silence/${id}`, { method: 'DELETE' });
}

describeWith('alertmanager', 'an alert is silenced while it fires', () => {
  const started = new AsyncDisposableStack();
  let ledger: Ledger;
  let alertmanager: TestAlertmanager;
  let daemon: TestDaemon;

  beforeAll(async () => {
    ledger = started.adopt(await startLedger(), (it) => it.stop());
    const port = await freePort();
    const webhook = { url: `http://127.0.0.1:${String(port)}/webhooks/alertmanager`, bearerToken: WEBHOOK_TOKEN };
    alertmanager = started.adopt(await startAlertmanager({ webhook }), (it) => it.stop());
    const connections = { alertmanager: { main: { url: alertmanager.url } }, http: { act: ledger.connection } };
    const options = { port, rules: { 'rules.yml': RULES }, config: { connections } };
    daemon = started.adopt(await startDaemon(options), (it) => it.stop());
  });
  afterAll(() => started.disposeAsync());

  it('does not act until the silence is over, then does', async () => {
    await alertmanager.postAlerts([{ labels: LABELS }]);
    await daemon.waitForIncident('act', ({ runs }) => runs[0]?.reason === 'delay');
    const id = await silence(alertmanager);
    const held = await daemon.waitForIncident('act', ({ runs }) => runs[0]?.reason === 'silenced');
    expect(held.runs).toMatchObject([{ state: 'held', started_at: null }]);
    expect(ledger.calls).toEqual([]);

    await expire(alertmanager, id);
    await daemon.waitForIncident('act', ({ runs }) => runs[0]?.state === 'verifying');
    expect(ledger.calls).toEqual(['alpha']);
    await alertmanager.postAlerts([{ labels: LABELS, endsAt: new Date().toISOString() }]);
    const ended = await daemon.waitForIncident('act', hasEnded);
    expect(hasOutcome('verified')(ended)).toBe(true);
    expect(ledger.calls).toEqual(['alpha']);
  }, 120_000);
});
