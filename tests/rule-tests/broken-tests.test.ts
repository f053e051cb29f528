import { play, type Files } from './play.ts';

const RULES = `
rules:
  - name: quick
    matchers: ['alertname = "Slow"']
    target: container/quick
    steps: [{ id: restart, uses: docker.restart_container, with: { container: quick } }]
    manual: { roles: [sre] }
    params: { wait: { type: duration, default: 90s } }
`;

const CONFIG = `
people: { alice: {}, bob: {} }
roles: { sre: [alice] }
connections: { docker: { local: { socket: /var/run/docker.sock } }, redis: { cache: { url: '\${NOT_SET}' } } }
pagerduty: { services: { prod: { routing_key: '\${NOT_SET_TOO}' } } }
slack: { bot_token: '\${NOT_SET_EITHER}', default_channel: '#incidents' }
vars: { env: '\${REMEDYD_TEST_ENV:-staging}' }
`;

async function problemsOf(tests: string, more: Files = {}): Promise<readonly string[]> {
  return (await play({ 'rules.yml': RULES, 'remedyd.yml': CONFIG, 'rules.test.yml': tests.trim(), ...more })).problems;
}

/** The problems of a test with these parts, without their file. */
async function problemsOfTest(parts: string): Promise<readonly string[]> {
  const problems = await problemsOf(`
config: remedyd.yml
rule_files: [rules.yml]
tests:
  - name: it
    ${parts.trim().replaceAll('\n', '\n    ')}`);
  return problems.map((problem) => problem.replace('rules.test.yml:', ''));
}

test.each([
  ['an unknown rule', 'expect: [{ at: 0s, rule: quik, run: held }]', "5:30: error: unknown rule 'quik', did you mean 'quick'?"],
  [
    'an unknown state',
    'expect: [{ at: 0s, run: veryfied }]',
    "5:29: error: unknown state or outcome of a run 'veryfied', did you mean 'verified'?",
  ],
  [
    'an unknown reason',
    'expect: [{ at: 0s, reason: coldown }]',
    "5:32: error: unknown reason 'coldown', did you mean 'cooldown'?",
  ],
  ['an unknown step', 'expect: [{ at: 0s, steps: [restrat] }]', "5:32: error: unknown step 'restrat', did you mean 'restart'?"],
  [
    'an unknown target',
    'expect: [{ at: 0s, target: container/quik, run: held }]',
    "5:32: error: no rule has the target 'container/quik', did you mean 'container/quick'?",
  ],
  [
    'an unknown place',
    "expect: [{ at: 0s, notified: ['slak/#ops'] }]",
    "5:36: error: unknown place 'slak/#ops', did you mean 'slack'?; write slack, slack/#channel, pagerduty or pagerduty/SERVICE",
  ],
  ['an unknown key', 'expect: [{ at: 0s, notifed: [slack] }]', "5:24: error: unknown key 'notifed', did you mean 'notified'?"],
  [
    'no expectation',
    'expect: [{ at: 0s, rule: quick }]',
    '5:14: error: nothing is expected: write run, reason, steps, notified, …',
  ],
  [
    'no duration',
    'expect: [{ at: soon, run: held }]',
    '5:20: error: "soon" is not a duration since the start of the test, such as 90s or 4m30s',
  ],
  [
    'no instant',
    'start: tomorrow\nexpect: [{ at: 0s, run: held }]',
    '5:12: error: "tomorrow" is not an instant such as 2026-11-22T02:30:00Z',
  ],
  [
    'an instant without a zone',
    'start: 2026-11-22T02:30:00\nexpect: [{ at: 0s, run: held }]',
    '5:12: error: "2026-11-22T02:30:00" is not an instant such as 2026-11-22T02:30:00Z',
  ],
  [
    'a day that its month does not have',
    'start: 2026-02-30T00:00:00Z\nexpect: [{ at: 0s, run: held }]',
    '5:12: error: "2026-02-30T00:00:00Z" is not an instant such as 2026-11-22T02:30:00Z',
  ],
  [
    'an instant in words',
    'start: Tue Jan 5 2026 GMT+01:00\nexpect: [{ at: 0s, run: held }]',
    '5:12: error: "Tue Jan 5 2026 GMT+01:00" is not an instant',
  ],
  [
    'a service that nobody is told through',
    'expect: [{ at: 0s, not_notified: [pagerduty/prdo] }]',
    "5:39: error: unknown PagerDuty service 'prdo', did you mean 'prod'?",
  ],
  [
    'an expected parameter that the rule does not have',
    'expect: [{ at: 0s, rule: quick, params: { waits: null } }]',
    "5:47: error: unknown parameter 'waits', did you mean 'wait'?",
  ],
  [
    'an expected parameter that cannot be',
    'expect: [{ at: 0s, params: { wait: soon } }]',
    '5:40: error: parameter "wait" is "soon"; expected a duration such as 30s, 10m or 2h',
  ],
  [
    'what stands beside an act that it is not for',
    'people: [{ at: 0s, ack: quick, by: alice, params: { wait: 1s } }]\nexpect: [{ at: 0s, run: held }]',
    "5:47: error: 'params' is for run, and not for ack",
  ],
  [
    'a label without a name',
    'alerts: [{ at: 0s, labels: { alertname: Slow, "": x } }]\nexpect: [{ at: 0s, run: held }]',
    '5:52: error: a label has a name',
  ],
  [
    'an unknown person',
    'people: [{ at: 0s, ack: quick, by: alce }]\nexpect: [{ at: 0s, run: held }]',
    "5:40: error: unknown person 'alce', did you mean 'alice'?",
  ],
  [
    'an unknown role',
    'people: [{ at: 0s, ack: quick, by: eve, roles: [srr] }]\nexpect: [{ at: 0s, run: held }]',
    "5:53: error: unknown role 'srr', did you mean 'sre'?",
  ],
  [
    'nothing that a person does',
    'people: [{ at: 0s, by: alice }]\nexpect: [{ at: 0s, run: held }]',
    '5:14: error: write one of ack, approve, reject, cancel, retry, resolve, escalate, run, rearm, pause, resume',
  ],
  [
    'an unknown subject',
    'people: [{ at: 0s, approve: restrt, by: alice }]\nexpect: [{ at: 0s, run: held }]',
    "5:33: error: 'restrt' is no rule, step or target, did you mean 'restart'?",
  ],
  [
    'an unknown remediation',
    'remediations: [{ uses: docker.restart, outputs: [{}] }]\nexpect: [{ at: 0s, run: held }]',
    "5:28: error: unknown remediation 'docker.restart'",
  ],
  [
    'an unknown parameter',
    'remediations: [{ uses: redis.ping, when: { db: 1 }, outputs: [{}] }]\nexpect: [{ at: 0s, run: held }]',
    "5:48: error: unknown parameter 'db'",
  ],
  [
    'an unknown output',
    'remediations: [{ uses: redis.ping, outputs: [{ pongg: true }] }]\nexpect: [{ at: 0s, run: held }]',
    "5:52: error: redis.ping has no output 'pongg', did you mean 'pong'?",
  ],
  [
    'a wrong output',
    'remediations: [{ uses: redis.ping, outputs: [{ pong: maybe }] }]\nexpect: [{ at: 0s, run: held }]',
    '5:58: error: output "pong" is "maybe"; expected a bool',
  ],
  [
    'an unknown error',
    'remediations: [{ uses: redis.ping, outputs: [{ error: timout }] }]\nexpect: [{ at: 0s, run: held }]',
    '5:59: error: unknown error "timout", did you mean \'timeout\'?',
  ],
  [
    'an alert without a name',
    'alerts: [{ at: 0s, labels: { severity: critical } }]\nexpect: [{ at: 0s, run: held }]',
    '5:32: error: an alert has a label alertname',
  ],
])('%s is an error with its place', async (_what, parts, problem) => {
  const problems = await problemsOfTest(parts);
  expect(problems).toEqual([expect.stringContaining(problem)]);
});

test('a configuration is read without its secrets, and its people have the roles that they have', async () => {
  const { failures, problems } = await play({
    'rules.yml': RULES,
    'remedyd.yml': CONFIG,
    'rules.test.yml': `
config: remedyd.yml
rule_files: [rules.yml]
tests:
  - name: who may run it
    people:
      - { at: 0s, run: quick, by: bob, refused: true }
      - { at: 1s, run: quick, by: eve, roles: [sre] }
    expect: [{ at: 2s, runs: 1, run: completed, params: { wait: 1m30s } }]
  - name: where people are told
    alerts: [{ at: 0s, labels: { alertname: Slow } }]
    expect: [{ at: 0s, notified: ['slack/#incidents'] }]
`,
  });
  expect({ failures, problems }).toEqual({ failures: '', problems: [] });
});

test('rules that name what the configuration does not have are not tested', async () => {
  const rules = RULES.replace('docker.restart_container', 'docker.restart_container, connection: lokal');
  const { failures, problems } = await play({
    'rules.yml': rules,
    'remedyd.yml': CONFIG,
    'rules.test.yml': 'config: remedyd.yml\nrule_files: [rules.yml]\ntests: [{ name: it, expect: [{ at: 0s, run: none }] }]',
  });
  expect(failures).toBe('rules');
  expect(problems).toEqual([expect.stringContaining("unknown docker connection 'lokal', did you mean 'local'?")]);
});

test('files that are not there are problems of the file that names them', async () => {
  const test = 'tests: [{ name: it, expect: [{ at: 0s, run: none }] }]';
  expect(await problemsOf(`rule_files: [gone.yml]\n${test}`)).toEqual([
    'rules.test.yml:1:14: error: gone.yml cannot be read (ENOENT)',
  ]);
  expect(await problemsOf(`config: gone.yml\nrule_files: [rules.yml]\n${test}`)).toEqual([
    'rules.test.yml:1:9: error: gone.yml cannot be read (ENOENT)',
  ]);
});
