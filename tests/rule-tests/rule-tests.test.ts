import { join } from 'node:path';
import { remediations } from '../../src/remediations/index.ts';
import { stubRemediations } from '../support/stub-remediations.ts';
import { play, playFile, type Played } from './play.ts';

const RULES = `
rules:
  - name: connections
    matchers: ['alertname = "TooManyConnections"']
    target: postgres/main
    mode: auto
    delay: 30s
    notify: { slack: '#ops' }
    escalation_policy: standard
    steps:
      - { id: before, uses: postgres.connection_stats }
      - { id: kill, if: 'steps.before.output.idle > 5', uses: postgres.terminate_idle_connections, with: { idle_for: 10m } }
    verify:
      checks: [{ uses: postgres.connection_stats, expect: 'output.used_ratio < 0.8', within: 1m }]
      stable_for: 30s
      resolved_within: 6m
    safety: { cooldown: 10m }
  - name: restart
    matchers: ['alertname = "Down"']
    target: 'container/{{ labels.name }}'
    escalation_policy: standard
    approval: { roles: [sre], timeout: 15m }
    steps:
      - { id: logs, uses: docker.container_logs, with: { container: '{{ labels.name }}' } }
      - { id: restart, uses: docker.restart_container, with: { container: '{{ labels.name }}' }, approval: true }
    verify: { resolved_within: 5m }
    manual: { roles: [sre] }
  - name: quick
    matchers: ['alertname = "Slow"']
    target: container/quick
    mode: auto
    escalation_policy: standard
    steps: [{ id: restart, uses: docker.restart_container, with: { container: quick } }]
    verify: { resolved_within: 5m }
    safety: { max_runs: [5 per 24h], cooldown: 0s }
  - name: nightly
    schedule: { cron: '0 2 * * *', timezone: Europe/Berlin }
    target: backup/main
    mode: auto
    severity: P1
    escalation_policy: standard
    notify: { slack: '#nights' }
    steps:
      - { id: ready, uses: postgres.ping, expect: output.ready }
      - { id: say, uses: message.post, with: { text: '{{ steps.ready.state }}' } }
  - name: patient
    matchers: ['alertname = "Lag"']
    target: postgres/replica
    mode: auto
    escalation_policy: standard
    unless_firing: [{ matchers: ['alertname = "Maintenance"'] }]
    steps: [{ id: restart, uses: docker.restart_container, with: { container: replica } }]
    verify: { resolved_within: 5m }
escalation_policies:
  standard: [{ after: 5m, unless: [acknowledged, verified], notify: { pagerduty: prod } }]
`;

const FIRING = '{ at: 0s, labels: { alertname: TooManyConnections } }';
const SICK_THEN_WELL =
  '{ uses: postgres.connection_stats, outputs: [{ idle: 40, used_ratio: 0.95 }, { idle: 2, used_ratio: 0.4 }] }';

/** Plays one test that has these parts. */
function playTest(parts: string, head = ''): Promise<Played> {
  const indented = parts.trim().replaceAll('\n', '\n    ');
  return play({
    'rules.yml': RULES,
    'rules.test.yml': `rule_files: [rules.yml]\n${head}\ntests:\n  - name: it\n    ${indented}\n`,
  });
}

async function expectPass(parts: string, head = ''): Promise<void> {
  const { failures, problems } = await playTest(parts, head);
  expect({ failures, problems }).toEqual({ failures: '', problems: [] });
}

test('the drafts of the examples hold', async () => {
  const catalogue = new Map([...stubRemediations, ...remediations]);
  const path = join(import.meta.dirname, '../fixtures/examples/tests/dean.test.yml');
  const { failures, problems, results } = await playFile(path, catalogue);
  expect({ failures, problems }).toEqual({ failures: '', problems: [] });
  expect(results).toHaveLength(4);
});

test('delay, steps, verification, cooldown and messages are those of the daemon', () =>
  expectPass(`
start: 2026-11-22T02:30:00Z
alerts:
  - ${FIRING}
  - { at: 4m, labels: { alertname: TooManyConnections }, status: resolved }
  - { at: 8m, labels: { alertname: TooManyConnections } }
remediations: [${SICK_THEN_WELL}]
expect:
  - { at: 8m, rule: connections, run: held, reason: cooldown, runs: 2, notified: [slack/#ops, slack], not_notified: [pagerduty] }
  - { at: 0s, rule: connections, target: postgres/main, run: held, reason: delay, incident: triggered, runs: 1 }
  - { at: 29999ms, run: held, reason: delay }
  - { at: 30s, run: verifying, steps: [before, kill], attempt: 1, rung: 0, severity: P4 }
  - { at: 4m29999ms, run: verifying }
  - { at: 4m30s, rule: connections, run: verified, escalation_level: 0 }
`));

test('a failure says where it is, what was expected, what was so, and why', async () => {
  const { failures } = await playTest(`
alerts: [${FIRING}]
remediations:
  - ${SICK_THEN_WELL}
  - { uses: redis.ping, outputs: [{}] }
expect:
  - { at: 1m, rule: connections, run: verified, steps: [kill], notified: [pagerduty] }`);
  expect(failures.replaceAll(/ → .*/g, ' → …')).toBe(`FAIL it (rules.test.yml:4)
     rules.test.yml:10:9: at 1m, connections
       - run: verified
       + run: verifying
       - steps: [kill]
       + steps: [before, kill]
       - notified: [pagerduty]
       + notified: [slack/#ops]
       what has happened:
             0s  opened         connections opens it as P4
             0s  run_held       postgres/main: held by delay: waits 30s for it to recover by itself
             0s  told           slack/#ops
            30s  run_started    postgres/main: connections starts (attempt 1)
            30s  step           before: succeeded: postgres.connection_stats on postgres
            30s  step           kill: succeeded: postgres.terminate_idle_connections on postgres idle_for=600000 limit=50
            30s  run_verifying  postgres/main: the steps are done; did it help?
           step  0:steps/before postgres.connection_stats {} → …
           step  0:steps/kill postgres.terminate_idle_connections {"idle_for":600000,"limit":50} → …
     rules.test.yml:8:9: warning: redis.ping was never called so`);
});

test('what happens without a script is the example of the catalogue', () =>
  expectPass(`
alerts: [{ at: 0s, labels: { alertname: Slow } }]
expect: [{ at: 0s, run: verifying, steps: [restart] }]
`));

describe('scripted calls', () => {
  test('a timeout of a change is looked into: the next output is what is found', () =>
    expectPass(`
alerts: [{ at: 0s, labels: { alertname: Slow } }]
remediations: [{ uses: docker.restart_container, when: { container: quick }, outputs: [{ error: timeout }, {}] }]
expect: [{ at: 0s, run: verifying, steps: [restart] }]
`));

  test('a change of which nobody can tell interrupts its run', () =>
    expectPass(`
alerts: [{ at: 0s, labels: { alertname: Slow } }]
remediations: [{ uses: docker.restart_container, outputs: [{ error: timeout }] }]
expect: [{ at: 0s, run: interrupted, reason: step_unknown, escalation_level: 1, notified: [pagerduty/prod] }]
`));

  test('what fails in its plan has not acted, what fails when it is made has', () =>
    expectPass(`
alerts:
  - { at: 0s, labels: { alertname: Slow } }
  - { at: 1m, labels: { alertname: Slow }, status: resolved }
  - { at: 10m, labels: { alertname: Slow } }
  - { at: 11m, labels: { alertname: Slow }, status: resolved }
  - { at: 20m, labels: { alertname: Slow } }
remediations: [{ uses: docker.restart_container, outputs: [{ error: not_found }, { error: rejected, message: no }, { error: not_found, stage: run }] }]
expect:
  - { at: 0s, run: failed, reason: not_found, attempt: 1 }
  - { at: 10m, run: failed, reason: rejected, attempt: 1 }
  - { at: 20m, run: failed, reason: not_found, attempt: 2 }
`));

  test('a call that takes its time is stopped at the timeout of its step', () =>
    expectPass(`
alerts: [{ at: 0s, labels: { alertname: TooManyConnections } }]
remediations: [{ uses: postgres.connection_stats, takes: 20s, outputs: [{ idle: 40 }] }, { uses: postgres.terminate_idle_connections, takes: 31s, outputs: [{}] }]
expect:
  - { at: 49s, run: running, steps: [] }
  - { at: 50s, run: running, steps: [before] }
  - { at: 80s, run: failed, reason: timeout }
`));

  test('a test may end while a call is under way', () =>
    expectPass(`
alerts: [{ at: 0s, labels: { alertname: Slow } }]
remediations: [{ uses: docker.restart_container, takes: 20s, outputs: [{}] }]
expect: [{ at: 10s, run: running, steps: [] }]
`));

  test('outputs count by the parameters of the calls, durations and sizes as they are meant', () =>
    expectPass(`
alerts: [{ at: 0s, labels: { alertname: TooManyConnections } }]
remediations:
  - { uses: postgres.terminate_idle_connections, when: { idle_for: 5m }, outputs: [{ error: rejected }] }
  - { uses: postgres.terminate_idle_connections, when: { idle_for: 600s, connection: postgres }, outputs: [{ terminated: 3 }] }
  - ${SICK_THEN_WELL}
expect: [{ at: 1m, run: verifying, steps: [before, kill] }]
`));
});

describe('people', () => {
  const DOWN = '{ at: 0s, labels: { alertname: Down, name: web } }';

  test.each([
    ['a step', 'restart'],
    ['a target', 'container/web'],
  ])('approve what waits by naming %s', (_what, subject) =>
    expectPass(
      `
alerts: [${DOWN}]
people: [{ at: 2m, approve: ${subject}, by: alice }, { at: 3m, approve: ${subject}, by: bob, refused: true }]
expect:
  - { at: 2m, run: verifying, steps: [logs, restart] }
  - { at: 1m, rule: restart, target: container/web, run: held, reason: approval, steps: [logs] }
`,
      'mode: auto',
    ),
  );

  test('what waits for people uses up nothing of the script', () =>
    expectPass(
      `
alerts: [${DOWN}]
remediations: [{ uses: docker.restart_container, outputs: [{}, { error: rejected }] }]
people: [{ at: 2m, approve: restart, by: alice }]
expect: [{ at: 2m, run: verifying }]
`,
      'mode: approve',
    ));

  test('reject, cancel, acknowledge, retry, resolve, escalate, run by hand, pause and resume', () =>
    expectPass(
      `
alerts:
  - ${DOWN}
  - { at: 0s, labels: { alertname: Down, name: db } }
  - ${FIRING}
people:
  - { at: 1m, reject: container/web, by: alice, reason: not now }
  - { at: 2m, ack: connections, by: alice }
  - { at: 10s, cancel: connections, by: bob }
  - { at: 3m, escalate: connections, by: bob }
  - { at: 4m, resolve: connections, by: bob }
  - { at: 5m, pause: 10m, by: alice }
  - { at: 6m, run: restart, target: container/api, by: alice, refused: true }
  - { at: 15m1s, run: restart, target: container/api, by: alice }
expect:
  - { at: 10s, rule: connections, run: cancelled, reason: cancelled_by_person }
  - { at: 1m, target: container/web, run: cancelled, reason: rejected }
  - { at: 2m, rule: connections, incident: acknowledged, escalation_level: 0 }
  - { at: 3m, rule: connections, escalation_level: 1 }
  - { at: 4m, rule: connections, incident: resolved }
  - { at: 16m, target: container/api, run: failed, reason: missing_value }
`,
      'mode: auto',
    ));

  test('what is refused fails the test, unless it should be', async () => {
    const { failures } = await playTest(`
alerts: [${FIRING}]
people: [{ at: 1s, approve: connections, by: alice }, { at: 2s, cancel: connections, by: alice, refused: true }]
expect: [{ at: 3s, run: cancelled }]`);
    expect(failures).toContain('rules.test.yml:6:14: at 1s: alice may not approve: no run waits for an approval');
    expect(failures).toContain('rules.test.yml:6:59: at 2s: expected that alice may not cancel, and it was done:');
  });
});

test('rules run in the mode they have, or in the one that the tests say', async () => {
  const parts = 'alerts: [{ at: 0s, labels: { alertname: Down, name: web } }]\nexpect: [{ at: 0s, run: RUN }]';
  await expectPass(parts.replace('RUN', 'suppressed, reason: observe_mode'));
  await expectPass(parts.replace('RUN', 'held, reason: approval'), 'mode: approve');
  await expectPass(`mode: observe\n${parts.replace('RUN', 'suppressed')}`, 'mode: auto');
});

test('an alert after the last expectation is a warning: it is not played', async () => {
  const { failures, results } = await playTest(`
alerts: [{ at: 1h, labels: { alertname: Slow } }, { at: 1h1s, labels: { alertname: Slow }, status: resolved }]
expect: [{ at: 1h, rule: quick, run: verifying }]`);
  expect(failures).toBe('');
  expect(results[0]?.warnings).toMatchObject([
    { place: { line: 4 }, message: 'what comes from 1h1s on is not played: the last expectation is at 1h' },
  ]);
});

test('where there is no incident, people were called no time', () =>
  expectPass('expect: [{ at: 0s, rule: nightly, incident: none, escalation_level: 0 }]'));

test('schedules tick on their clock, for a month', () =>
  expectPass(`
remediations: [{ uses: postgres.ping, outputs: [{ ready: true }, { ready: false }, { ready: true }] }]
expect:
  - { at: 3599s, rule: nightly, run: none, runs: 0 }
  - { at: 1h, rule: nightly, run: completed, steps: [ready, say], incident: none, notified: [slack/#nights] }
  - { at: 25h, rule: nightly, run: failed, reason: expectation_failed, incident: triggered, notified: [pagerduty/prod] }
  - { at: 31d, rule: nightly, run: completed, runs: 31 }
`));

test('what is held for a month by another alert, or by a pause, goes on within a tick of its end', () =>
  expectPass(`
alerts:
  - { at: 0s, labels: { alertname: Maintenance } }
  - { at: 1s, labels: { alertname: Lag } }
  - { at: 30d2s, labels: { alertname: Maintenance }, status: resolved }
  - { at: 31d, labels: { alertname: Slow } }
people: [{ at: 30d10m, pause: 30d, by: alice }]
expect:
  - { at: 30d2s, rule: patient, run: held, reason: cause_firing, runs: 1 }
  - { at: 30d5s, rule: patient, run: verifying }
  - { at: 59d, rule: quick, run: held, reason: paused }
  - { at: 60d10m, rule: quick, run: verifying }
`));

test('alerts of one instant come as one webhook of their group', () =>
  expectPass(`
group_by: [alertname, cluster]
alerts:
  - { at: 0s, labels: { alertname: Slow, cluster: a } }
  - { at: 0s, labels: { alertname: Slow, cluster: b } }
expect: [{ at: 0s, rule: quick, runs: 2 }]
`));
