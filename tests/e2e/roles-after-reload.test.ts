import { readFileSync, writeFileSync } from 'node:fs';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { startLedger, type Ledger } from '../support/daemon-ledger.ts';
import { firingAlert, webhookBody } from '../support/daemon-webhook.ts';

const RULES = `
rules:
  - name: asks
    mode: approve
    matchers: ['alertname = "Sick"']
    target: host/{{ labels.host }}
    approval: { roles: [sre] }
    steps: [{ id: act, uses: http.request, connection: ledger, with: { method: POST, path: '/act/{{ labels.host }}' } }]
`;

describe('the roles change while a question is open', () => {
  let started: AsyncDisposableStack;
  let ledger: Ledger;
  let daemon: TestDaemon;

  beforeEach(async () => {
    started = new AsyncDisposableStack();
    ledger = started.adopt(await startLedger(), (it) => it.stop());
    const config = {
      connections: { http: { ledger: ledger.connection } },
      people: { alice: {}, bob: {} },
      roles: { sre: ['alice'] },
    };
    daemon = started.adopt(await startDaemon({ rules: { 'rules.yml': RULES }, config }), (it) => it.stop());
  });
  afterEach(() => started.disposeAsync());

  const giveRoleTo = async (person: string): Promise<void> => {
    const config = JSON.parse(readFileSync(daemon.configFile, 'utf8')) as object;
    writeFileSync(daemon.configFile, JSON.stringify({ ...config, roles: { sre: [person] } }));
    expect(await daemon.api('/-/reload', {})).toMatchObject({ status: 200 });
  };

  it('and whoever has lost the role decides nothing any more, until it is given back', async () => {
    expect(await daemon.sendWebhook(webhookBody([firingAlert({ alertname: 'Sick', host: 'alpha' })]))).toBe(202);
    const { id } = await daemon.waitForIncident('asks', ({ runs }) => runs[0]?.approval?.state === 'open');
    await giveRoleTo('bob');
    for (const answer of ['approve', 'reject']) {
      expect(await daemon.api(`/api/v1/incidents/${id}/${answer}`, {})).toMatchObject({
        status: 403,
        body: { error: { code: 'forbidden', message: expect.stringContaining('the roles of alice are: none (admin)') } },
      });
    }
    await giveRoleTo('alice');
    expect(await daemon.api(`/api/v1/incidents/${id}/approve`, {})).toMatchObject({ status: 200 });
    await daemon.waitForIncident('asks', ({ runs }) => runs[0]?.steps.some(({ state }) => state === 'succeeded') === true);
    expect(ledger.calls).toEqual(['alpha']);
  });
});
