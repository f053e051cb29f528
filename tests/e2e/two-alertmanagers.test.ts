import { startDaemon, WEBHOOK_TOKEN, type TestDaemon } from '../support/daemon.ts';
import { startRecorder, type RecordedRequest, type Recorder } from '../support/daemon-recorder.ts';
import { hasOutcome, isResolved } from '../support/daemon-timeline.ts';
import { waitUntil } from '../support/daemon-wait.ts';
import { startExporter } from '../support/exporter.ts';
import {
  startAlertmanager,
  startAlertmanagerPair,
  type AlertmanagerOptions,
  type TestAlertmanager,
} from '../support/servers/alertmanager.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { startDocker } from '../support/servers/docker.ts';
import { startPrometheus } from '../support/servers/prometheus.ts';
import { dockerConnection, SERVICE_ALERTS, startSickService, type SickService } from '../support/sick-service.ts';

const RULES = `
rules:
  - name: restart
    mode: auto
    matchers: ['alertname = "ServiceNotAnswering"']
    target: container/{{ labels.container }}
    steps: [{ id: restart, uses: docker.restart_container, with: { container: '{{ labels.container }}', stop_timeout: 10s } }]
    timeout: 1m
    verify: { resolved_within: 40s }
    safety: { cooldown: 1h }
`;

/** Many repeats, while the container takes its time to stop. */
const OFTEN = { groupWait: '0s', groupInterval: '1s', repeatInterval: '1s' };
const SELDOM = { ...OFTEN, repeatInterval: '1h' };

/** The same request, with an end that was not told before. */
function endingNow(body: RecordedRequest['body']): object {
  const endsAt = new Date().toISOString();
  return { ...body, alerts: body.alerts.map((alert) => ({ ...alert, endsAt })) };
}

describeWith(['docker', 'prometheus', 'alertmanager'], 'several Alertmanagers tell of one hanging container', () => {
  const started = new AsyncDisposableStack();
  let service: SickService;
  let daemon: TestDaemon;
  let recorder: Recorder;
  let alertmanagers: readonly TestAlertmanager[];

  beforeAll(async () => {
    const docker = started.adopt(await startDocker(), (it) => it.stop());
    service = await startSickService(docker, 'remedyd-e2e-twice');
    const config = { limits: { settle: '1s' }, connections: { docker: { local: dockerConnection(docker) } } };
    daemon = started.adopt(await startDaemon({ rules: { 'rules.yml': RULES }, config }), (it) => it.stop());
    recorder = started.adopt(await startRecorder(daemon.webhookUrl), (it) => it.stop());
    // The third has lost the others from sight, as in a split network: it tells everything once more.
    alertmanagers = [...(await startAlertmanagerPair(routing(OFTEN))), await startAlertmanager(routing(OFTEN))];
    for (const alertmanager of alertmanagers) started.defer(alertmanager.stop);
    const exporter = started.adopt(await startExporter([service.measure]), (it) => it.stop());
    const scraping = {
      interval: '1s',
      rules: SERVICE_ALERTS,
      scrape: [{ job: 'services', targets: [exporter.address] }],
      alertmanagers: alertmanagers.map(({ address }) => address),
    };
    started.adopt(await startPrometheus(scraping), (it) => it.stop());
  }, 90_000);
  afterAll(() => started.disposeAsync());

  const routing = (timing: typeof OFTEN): AlertmanagerOptions => ({
    webhook: { url: recorder.url, bearerToken: WEBHOOK_TOKEN, ...timing },
  });
  const restarts = async (): Promise<number> => (await service.events()).filter((event) => event === 'restart').length;
  const recorded = (status: string): readonly RecordedRequest[] => recorder.requests.filter(({ body }) => body.status === status);
  const senders = (requests: readonly RecordedRequest[]): number => new Set(requests.map(({ body }) => body.externalURL)).size;
  const first = (status: string): RecordedRequest['body'] => recorded(status)[0]?.body ?? { status, externalURL: '', alerts: [] };

  it('restarts it once, whoever repeats and reloads meanwhile', async () => {
    await service.hang();
    await daemon.waitForIncident('restart', ({ runs }) => runs.at(-1)?.state === 'running');
    await waitUntil('several have told of it, with repeats', () =>
      senders(recorded('firing')) > 1 && recorded('firing').length > 5 ? true : undefined,
    );
    for (const alertmanager of alertmanagers) await alertmanager.reload(routing(SELDOM));
    expect((await daemon.api('/-/reload', {})).status).toBe(200);
    process.kill(daemon.pid(), 'SIGHUP');
    const incident = await daemon.waitForIncident('restart', hasOutcome('verified'));
    expect(incident.runs).toHaveLength(1);
    expect(await restarts()).toBe(1);
    expect(recorder.requests.every(({ status }) => status === 202)).toBe(true);
    expect(await daemon.metric('remedyd_alerts_duplicate_total')).toBeGreaterThan(0);
  });

  it('opens one incident for all of it, which is resolved once', async () => {
    await daemon.waitForIncident('restart', isResolved);
    await waitUntil('several have told the end', () => (senders(recorded('resolved')) > 1 ? true : undefined));
    expect(await daemon.incidents()).toHaveLength(1);
  });

  it('does not act on a late copy of the beginning, and ends with the next end that is told', async () => {
    expect(await daemon.sendWebhook(first('firing'))).toBe(202);
    const doubtful = await daemon.waitForIncident('restart', ({ runs }) => runs.at(-1)?.state === 'held');
    expect(doubtful.runs).toMatchObject([{ state: 'held', reason: 'unconfirmed', started_at: null }]);
    expect(await daemon.sendWebhook(endingNow(first('resolved')))).toBe(202);
    const ended = await daemon.waitForIncident('restart', isResolved);
    expect(ended).toMatchObject({ id: doubtful.id, runs: [{ outcome: 'self_resolved' }] });
    expect(await restarts()).toBe(1);
  });

  it('does not take an old end for the end of what fires now', async () => {
    await service.hang();
    const again = await daemon.waitForIncident('restart', ({ runs }) => runs.at(-1)?.reason === 'cooldown');
    const stale = await daemon.metric('remedyd_alerts_stale_total');
    expect(await daemon.sendWebhook(first('resolved'))).toBe(202);
    expect(await daemon.sendWebhook(first('firing'))).toBe(202);
    expect(await daemon.metric('remedyd_alerts_stale_total')).toBe(stale + 1);
    const [newest] = (await daemon.incidents('restart')).filter(({ id }) => id === again.id);
    expect(newest).toMatchObject({
      status: 'triggered',
      alerts: [{ status: 'firing' }],
      runs: [{ state: 'held', reason: 'cooldown' }],
    });
    expect(await restarts()).toBe(1);
  });
});
