import type { IncidentDetailView } from '../../src/cli/incident-view.ts';
import { ADMIN_TOKEN, startDaemon, type TestDaemon } from '../support/daemon.ts';
import { runCli, type CliResult } from '../support/daemon-cli.ts';
import { startLedger, type Ledger } from '../support/daemon-ledger.ts';
import { hasEnded, hasOutcome, lastRun } from '../support/daemon-timeline.ts';
import { firingAlert, resolvedAlert, webhookBody } from '../support/daemon-webhook.ts';

const RULES = `
defaults:
  mode: auto
  safety: { cooldown: 0s, max_targets: [10] }
rules:
  - name: act
    matchers: ['alertname = "Sick"']
    target: host/{{ labels.host }}
    steps: [{ id: act, uses: http.request, connection: now, with: &act { method: POST, path: '/act/{{ labels.host }}' } }]
  - name: act-later
    matchers: ['alertname = "SickSince"']
    target: host/{{ labels.host }}
    delay: 1h
    customer_messages: { monitoring: 'We watch {{ labels.host }}; {{ labels.region }} is not touched.' }
    steps: [{ id: act, uses: http.request, connection: later, with: *act }]
  - name: act-announced
    matchers: ['alertname = "SickAnnounced"']
    target: host/{{ labels.host }}
    cancel_window: 1h
    steps: [{ id: act, uses: http.request, connection: announced, with: *act }]
  - name: act-in-vain
    matchers: ['alertname = "Hopeless"']
    target: host/{{ labels.host }}
    safety: { breaker: 2 failures per 24h, max_runs: [100 per 24h] }
    steps: [{ id: act, uses: http.request, connection: vain, with: *act }]
`;

describe('people and the daemon, through the command line', () => {
  const started = new AsyncDisposableStack();
  let ledger: Ledger;
  let daemon: TestDaemon;

  beforeAll(async () => {
    ledger = started.adopt(await startLedger(), (it) => it.stop());
    const { connection } = ledger;
    // One connection for each rule, because a run keeps what it touches until it has ended.
    const config = { connections: { http: { now: connection, later: connection, announced: connection, vain: connection } } };
    daemon = started.adopt(await startDaemon({ rules: { 'rules.yml': RULES }, config }), (it) => it.stop());
  });
  afterAll(() => started.disposeAsync());

  const remedyd = (...args: string[]): Promise<CliResult> =>
    runCli(args, { REMEDYD_URL: daemon.url, REMEDYD_TOKEN: ADMIN_TOKEN });
  const fire = async (alertname: string, host: string): Promise<void> => {
    expect(await daemon.sendWebhook(webhookBody([firingAlert({ alertname, host })]))).toBe(202);
  };
  const held = (rule: string, reason: string): Promise<IncidentDetailView> =>
    daemon.waitForIncident(rule, ({ runs }) => runs.at(-1)?.state === 'held' && runs.at(-1)?.reason === reason);

  it('starts nothing new while it is paused, and goes on when it is resumed', async () => {
    expect(await remedyd('pause', '--for', '4h', '--reason', 'release')).toMatchObject({ code: 0, stderr: '' });
    expect(await daemon.metric('remedyd_paused')).toBe(1);
    const alert = firingAlert({ alertname: 'Sick', host: 'paused' });
    expect(await daemon.sendWebhook(webhookBody([alert]))).toBe(202);
    const waiting = await held('act', 'paused');
    expect(ledger.calls).not.toContain('paused');
    expect(await remedyd('resume')).toMatchObject({ code: 0 });
    await daemon.waitForIncident('act', ({ id, runs }) => id === waiting.id && runs[0]?.state === 'verifying');
    expect(ledger.calls).toContain('paused');
    await daemon.sendWebhook(webhookBody([resolvedAlert(alert)]));
    expect(lastRun(await daemon.waitForIncident('act', hasEnded))).toMatchObject({ outcome: 'verified' });
  });

  it('yields to a person who acknowledges before it has started', async () => {
    await fire('SickSince', 'acknowledged');
    const { id } = await held('act-later', 'delay');
    expect(await remedyd('incident', 'ack', id)).toMatchObject({ code: 0, stderr: '' });
    const incident = await daemon.waitForIncident('act-later', hasEnded);
    expect(incident).toMatchObject({ status: 'acknowledged', acknowledged_by: 'alice' });
    expect(lastRun(incident)).toMatchObject({ outcome: 'suppressed', reason: 'acknowledged', started_at: null });
    expect(ledger.calls).not.toContain('acknowledged');
  });

  it('runs it after all when that person says so', async () => {
    const [incident] = await daemon.incidents('act-later');
    expect(await remedyd('incident', 'retry', incident?.id ?? '')).toMatchObject({ code: 0, stderr: '' });
    const { runs } = await held('act-later', 'delay');
    expect(runs).toHaveLength(2);
    const runId = runs.at(-1)?.id ?? '';
    const skip = ['--override', 'delay', '--reason', 'I have looked at it'];
    expect(await remedyd('incident', 'retry', incident?.id ?? '', '--run', runId, ...skip)).toMatchObject({
      code: 0,
      stderr: '',
    });
    await daemon.waitForIncident('act-later', ({ runs: now }) => now.at(-1)?.state === 'verifying');
    expect(ledger.calls.filter((host) => host === 'acknowledged')).toHaveLength(1);
  });

  it('does not run what a person cancels in the cancel window', async () => {
    await fire('SickAnnounced', 'cancelled');
    const { id, timeline } = await held('act-announced', 'cancel_window');
    expect(timeline.map(({ kind }) => kind)).toContain('announced');
    expect(await remedyd('incident', 'cancel', id)).toMatchObject({ code: 0, stderr: '' });
    const incident = await daemon.waitForIncident('act-announced', hasOutcome('cancelled'));
    expect(incident.timeline.find(({ kind }) => kind === 'cancelled')).toMatchObject({ actor: 'alice' });
    expect(ledger.calls).not.toContain('cancelled');
  });

  it('stops a rule that failed too often until a person re-arms it', async () => {
    ledger.setRefusing(true);
    for (const host of ['first', 'second']) {
      await fire('Hopeless', host);
      await daemon.waitForIncident(
        'act-in-vain',
        ({ labels, runs }) => labels['host'] === host && runs.at(-1)?.state === 'ended',
      );
    }
    expect(await daemon.metric('remedyd_breakers_open')).toBe(1);
    ledger.setRefusing(false);
    await fire('Hopeless', 'third');
    const stopped = await held('act-in-vain', 'breaker_open');
    expect(stopped).toMatchObject({ labels: { host: 'third' } });
    expect(stopped.escalation_level).toBeGreaterThan(0);
    expect((await remedyd('breaker', 'list')).stdout).toMatch(/act-in-vain +open/);
    expect(ledger.calls).not.toContain('third');

    expect(await remedyd('breaker', 'rearm', 'act-in-vain')).toMatchObject({ code: 0, stderr: '' });
    await daemon.waitForIncident(
      'act-in-vain',
      ({ labels, runs }) => labels['host'] === 'third' && runs.at(-1)?.state === 'verifying',
    );
    expect(ledger.calls).toContain('third');
    expect(await daemon.metric('remedyd_breakers_open')).toBe(0);
  });

  it('shows an incident as a story, and a list of them', async () => {
    const [incident] = await daemon.incidents('act-announced');
    const { code, stdout } = await remedyd('incident', 'show', incident?.id ?? '');
    expect(code).toBe(0);
    expect(stdout).toContain('cancelled by alice');
    const list = await remedyd('incident', 'list', '--json');
    expect(JSON.parse(list.stdout)).toMatchObject({ next_cursor: null });
    expect((await remedyd('incident', 'show', 'inc-that-never-was')).code).toBe(1);
    expect((await remedyd('incident', 'dance', incident?.id ?? '')).code).toBe(2);
  });

  it('prints what customers may be told, and a draft of the post-mortem', async () => {
    const [later] = await daemon.incidents('act-later');
    expect(await remedyd('incident', 'customer-message', later?.id ?? '')).toMatchObject({
      code: 0,
      stdout: 'We watch acknowledged; – is not touched.\n',
    });
    const [announced] = await daemon.incidents('act-announced');
    const none = await remedyd('incident', 'customer-message', announced?.id ?? '');
    expect(none).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('no customer_messages') });
    const draft = await remedyd('incident', 'post-mortem', announced?.id ?? '');
    expect(draft).toMatchObject({ code: 0, stdout: expect.stringContaining('# Post-mortem: act-announced') });
    for (const what of ['customer-message', 'post-mortem'])
      expect(await remedyd('incident', what, 'inc_none')).toMatchObject({
        code: 1,
        stderr: 'remedyd: there is no incident inc_none\n',
      });
  });

  it('lets nobody change anything without a token', async () => {
    const { code, stderr } = await runCli(['pause'], { REMEDYD_URL: daemon.url });
    expect(code).toBe(1);
    expect(stderr).toContain('REMEDYD_TOKEN');
    expect(await daemon.metric('remedyd_paused')).toBe(0);
  });

  it('reports by hand what no alert says', async () => {
    const { code, stdout } = await remedyd('incident', 'create', '--label', 'host=delta', '--summary', 'it smells of smoke');
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('no rule matches') });
  });
});
