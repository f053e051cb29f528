import { startStack, type Stack } from '../support/daemon-stack.ts';
import { waitUntil } from '../support/daemon-wait.ts';
import { hasEnded, hasLabel, hasOutcome, isResolved, lastRun, outputOf, storyOf } from '../support/daemon-timeline.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { startDocker } from '../support/servers/docker.ts';
import { dockerConnection, SERVICE_ALERTS, startSickService, type SickService } from '../support/sick-service.ts';

const RULES = `
defaults:
  mode: auto
  connection: local
  safety: { max_targets: [10] }
rules:
  - name: restart-web
    matchers: ['alertname = "ServiceNotAnswering"', 'container = "remedyd-e2e-web"']
    target: container/{{ labels.container }}
    steps: [{ id: restart, uses: docker.restart_container, with: { container: '{{ labels.container }}', stop_timeout: 1s } }]
    verify:
      checks: [{ uses: docker.inspect_container, with: { container: '{{ labels.container }}' }, expect: 'output.running' }]
      resolved_within: 30s
  - name: restart-slow
    matchers: ['alertname = "ServiceNotAnswering"', 'container =~ "remedyd-e2e-(slow|stopped)"']
    target: container/{{ labels.container }}
    steps: [{ id: restart, uses: docker.restart_container, with: { container: '{{ labels.container }}', stop_timeout: 5s } }]
    verify: { resolved_within: 30s }
  - name: restart-broken
    matchers: ['alertname = "ServiceNotAnswering"', 'container = "remedyd-e2e-broken"']
    target: container/{{ labels.container }}
    steps: [{ id: restart, uses: docker.restart_container, with: { container: '{{ labels.container }}', stop_timeout: 1s } }]
    verify:
      checks: [{ uses: docker.inspect_container, with: { container: '{{ labels.container }}' }, expect: 'output.running' }]
      resolved_within: 4s
`;

function restartsIn(events: readonly string[]): number {
  return events.filter((event) => event === 'restart').length;
}

/** Docker has sent SIGTERM, and waits for the process that does not react. The first signal was ours: it made it hang. */
async function inTheMiddleOfARestart(service: SickService): Promise<void> {
  await waitUntil(`Docker has begun to restart ${service.name}`, async () =>
    (await service.events()).filter((event) => event === 'kill').length > 1 ? true : undefined,
  );
}

describeWith(['docker', 'prometheus', 'alertmanager'], 'the process of a container hangs', () => {
  const started = new AsyncDisposableStack();
  let web: SickService;
  let slow: SickService;
  let stopped: SickService;
  let broken: SickService;
  let stack: Stack;

  beforeAll(async () => {
    const docker = started.adopt(await startDocker(), (it) => it.stop());
    [web, slow, stopped, broken] = await Promise.all([
      startSickService(docker, 'remedyd-e2e-web'),
      startSickService(docker, 'remedyd-e2e-slow'),
      startSickService(docker, 'remedyd-e2e-stopped'),
      startSickService(docker, 'remedyd-e2e-broken', true),
    ]);
    const options = {
      measures: [web.measure, slow.measure, stopped.measure, broken.measure],
      alerts: SERVICE_ALERTS,
      rules: RULES,
      config: { connections: { docker: { local: dockerConnection(docker) } } },
    };
    stack = started.adopt(await startStack(options), (it) => it.stop());
  }, 90_000);
  afterAll(() => started.disposeAsync());

  it('restarts it once, sees that it answers again, and the incident resolves', async () => {
    const startedAt = await web.startedAt();
    await web.hang();
    const incident = await stack.daemon.waitForIncident('restart-web', isResolved);
    const run = lastRun(incident);
    expect(run).toMatchObject({ target: 'container/remedyd-e2e-web', outcome: 'verified' });
    expect(incident.runs).toHaveLength(1);
    expect(storyOf(incident, ['run_started', 'run_verifying', 'alert_resolved', 'run_ended'])).toEqual([
      'run_started',
      'run_verifying',
      'alert_resolved',
      'run_ended',
    ]);
    expect(await web.isAnswering()).toBe(true);
    const restartedAt = await web.startedAt();
    expect(restartedAt).not.toBe(startedAt);
    expect(outputOf(run, 'restart')).toMatchObject({
      previous_started_at: new Date(startedAt).toISOString(),
      started_at: new Date(restartedAt).toISOString(),
    });
    expect(restartsIn(await web.events())).toBe(1);
  });

  it('calls it ineffective when the restarted process hangs again, although the container runs', async () => {
    await broken.hang();
    const incident = await stack.daemon.waitForIncident('restart-broken', hasEnded);
    expect(lastRun(incident)).toMatchObject({ outcome: 'ineffective', steps: [{ id: 'restart', state: 'succeeded' }] });
    expect(incident.status).toBe('triggered');
    expect(incident.escalation_level).toBeGreaterThan(0);
    expect(restartsIn(await broken.events())).toBe(1);
  });

  it('does not restart it a second time when the daemon is killed in the middle of the restart', async () => {
    await slow.hang();
    await inTheMiddleOfARestart(slow);
    await stack.daemon.kill9();
    expect(restartsIn(await slow.events())).toBe(0);
    await stack.daemon.restart();
    const incident = await stack.daemon.waitForIncident('restart-slow', hasOutcome('verified'));
    expect(incident.runs).toHaveLength(1);
    const recovery = incident.timeline.filter(({ kind }) => kind === 'recovered').map(({ text }) => text);
    expect(recovery).toEqual([
      expect.stringContaining('step restart was under way'),
      expect.stringContaining('step restart turned out to be done'),
    ]);
    expect(await slow.isAnswering()).toBe(true);
    expect(restartsIn(await slow.events())).toBe(1);
  });

  it('finishes the restart that is under way when it is asked to stop, and goes on with the verification later', async () => {
    await stopped.hang();
    await inTheMiddleOfARestart(stopped);
    expect(await stack.daemon.stopProcess()).toBe(0);
    expect(restartsIn(await stopped.events())).toBe(1);
    await stack.daemon.restart();
    const isOfStopped = hasLabel('container', stopped.name);
    const incident = await stack.daemon.waitForIncident('restart-slow', (it) => isOfStopped(it) && hasOutcome('verified')(it));
    expect(incident.runs).toHaveLength(1);
    expect(storyOf(incident, ['recovered'])).toEqual([]);
    expect(restartsIn(await stopped.events())).toBe(1);
  });

  it('keeps what ended before the kill as it was', async () => {
    await stack.daemon.kill9();
    await stack.daemon.restart();
    expect(await stack.daemon.incidents('restart-web')).toMatchObject([{ status: 'resolved', runs: [{ outcome: 'verified' }] }]);
    expect(restartsIn(await web.events())).toBe(1);
  });
});
