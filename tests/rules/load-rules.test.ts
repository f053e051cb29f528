import type { EscalationRung, ResponsePlan } from '../../src/domain/response.ts';
import { copyLabels } from '../../src/domain/alert.ts';
import { ParameterError } from '../../src/domain/parameter.ts';
import type { Scope } from '../../src/domain/scope.ts';
import { ExpressionError } from '../../src/domain/scope.ts';
import { compileSnapshot } from '../../src/rules/compile-snapshot.ts';
import { ConfiguredConnections } from '../../src/rules/configured-connections.ts';
import { loadRules } from '../../src/rules/load-rules.ts';
import type { RuleSettings } from '../../src/rules/rule-settings.ts';
import { formatProblem } from '../../src/schema/problem.ts';
import { parseYaml } from '../../src/schema/yaml-file.ts';
import { buildSeverity, load, loadRule, testSettings } from '../support/rule-settings.ts';
import { stubRemediations } from '../support/stub-remediations.ts';

const RULE = `rules:
  - name: pool
    matchers: ['alertname = "TooMany"']
    target: postgres/{{ labels.cluster }}
`;
const scope: Scope = { labels: copyLabels({ alertname: 'TooMany', cluster: 'a' }), params: {}, steps: {}, now: 0 };

describe('problems of rule files', () => {
  test.each<[string, string]>([
    [`${RULE}    safety: { coldown: 10m }\n`, "rules.yml:5:15: error: unknown key 'coldown', did you mean 'cooldown'?"],
    [
      `${RULE}    mode: atuo\n`,
      'rules.yml:5:11: error: expected one of observe, approve, auto, got "atuo", did you mean \'auto\'?',
    ],
    [
      `${RULE}    steps: [{ uses: docker.restart_contaner }]\n`,
      "5:21: error: unknown remediation 'docker.restart_contaner', did you mean",
    ],
    [`${RULE}    steps: [{ uses: docker.restart_container }]\n`, "5:13: error: parameter 'container' is missing (string)"],
    [`${RULE}    steps: [{ uses: redis.ping, with: { limit: 5 } }]\n`, "5:41: error: unknown parameter 'limit'"],
    [
      `${RULE}    steps: [{ uses: postgres.terminate_idle_connections, with: { idle_for: soon } }]\n`,
      '5:76: error: parameter "idle_for" is "soon"; expected a duration',
    ],
    [
      `${RULE}    steps: [{ uses: postgres.terminate_idle_connections, with: { idle_for: 10 } }]\n`,
      'has no unit: write 10s or 10m',
    ],
    [
      `${RULE}    steps: [{ uses: postgres.terminate_idle_connections, with: { idle_for: '{{ run.attempt }}' } }]\n`,
      "parameter 'idle_for' is a duration: the expression is a int: put the unit behind it",
    ],
    [`${RULE}    steps: [{ id: a, uses: redis.ping }, { id: a, uses: redis.ping }]\n`, "error: another step is called 'a'"],
    [`${RULE}    steps: [{ id: a, uses: redis.ping, if: 'steps.b.state == "x"' }]\n`, "5:45: error: 'steps' has no 'b'"],
    [
      `${RULE}    steps: [{ uses: redis.ping, expect: 'output.pnog' }]\n`,
      "5:42: error: 'output' has no 'pnog', did you mean 'pong'?",
    ],
    [
      `${RULE}    steps: [{ uses: redis.flush_db, expect: 'output.deleted > 0', within: 1m }]\n`,
      '`within` repeats the step, and redis.flush_db changes something',
    ],
    [`${RULE}    steps: [{ uses: redis.ping, within: 1m }]\n`, 'there is no `expect`'],
    [
      `${RULE}    steps: [{ uses: redis.ping, connection: cahce }]\n`,
      "5:45: error: unknown redis connection 'cahce', did you mean 'cache'?",
    ],
    [`${RULE}    steps: [{ uses: redis.ping, connection: local }]\n`, "connection 'local' is of kind docker, not redis"],
    [
      `${RULE}    steps: [{ uses: redis.ping, connection: c0di3 }, { uses: http.request, with: { path: / } }]\n`,
      'http.request needs a http connection: write `connection`',
    ],
    [`${RULE}    steps: [{ uses: wait, connection: main, with: { duration: 1s } }]\n`, 'wait uses no connection'],
    [`${RULE}    playbook: free\n`, "5:15: error: unknown playbook 'free'"],
    [`${RULE}    steps: [{ uses: playbook/free }]\n`, "5:21: error: unknown playbook 'free'"],
    [`${RULE}    fallbacks: [{ steps: [{ uses: redis.ping }] }]\n`, '`fallbacks` needs a `playbook` or `steps`'],
    [`${RULE}    severity: P9\n`, "unknown severity 'P9'"],
    [
      `${RULE}    mute_time_intervals: [release-freese]\n`,
      "5:27: error: unknown time interval 'release-freese', did you mean 'release-freeze'?",
    ],
    [`${RULE}    escalation_policy: standart\n`, "unknown escalation policy 'standart', did you mean 'standard'?"],
    [`${RULE}    approval: { roles: [sre, dab] }\n`, "5:30: error: unknown role 'dab', did you mean 'dba'?"],
    [`${RULE}    runbook_url: javascript:alert(1)\n`, 'starts with http:// or https://'],
    [`${RULE}    delay: tomorrow\n`, 'not a duration'],
    [`${RULE}    safety: { max_runs: [3 per eternity] }\n`, 'is not a duration'],
    [`${RULE}    unless_firing: [{ matchers: ['alertname =~ ".*"'] }]\n`, 'every alert would match'],
    [`${RULE}    verify: { checks: [{ uses: redis.flush_db, expect: 'output.deleted > 0' }] }\n`, 'a check only reads'],
    [
      'rules: [{ name: a, matchers: [\'alertname = "A"\'], steps: [{ uses: redis.ping }], connection: x }]\n',
      "unknown key 'connection'",
    ],
    ['rules: [{ name: a, matchers: [\'a =~ ".*"\'] }]\n', 'every alert would match'],
    ["rules: [{ name: a, matchers: ['a = b, c ~ d'] }]\n", 'rules.yml:1:'],
    ['rules: [{ name: a }]\n', 'nothing triggers this rule'],
    ['rules: [{ name: a, matchers: [\'x="1"\'], steps: [{ uses: redis.ping }] }]\n', 'needs a `target`'],
    [
      'rules: [{ name: a, matchers: [\'x="1"\'] }, { name: a, matchers: [\'x="2"\'] }]\n',
      "1:51: error: another rule is called 'a': rules.yml:1",
    ],
    [
      'rules: [{ name: a, matchers: [\'severity = "major"\'], mode: auto, target: t, steps: [{ uses: redis.ping, connection: cache }] }]\n',
      'needs an `escalation_policy`',
    ],
    [
      'playbooks: [{ name: p, steps: [{ uses: redis.ping, connection: cache, if: labels.x == "a" }] }]\n',
      "a playbook does not see 'labels'",
    ],
    [
      'playbooks: [{ name: p, steps: [{ uses: playbook/q }] }, { name: q, steps: [{ uses: playbook/p }] }]\n',
      'a playbook cannot use itself: p → q → p',
    ],
    [
      'playbooks: [{ name: p, params: { a: { type: int, default: many } }, steps: [{ uses: wait, with: { duration: 1s } }] }]\n',
      'parameter "a" is "many"',
    ],
    [
      'playbooks: [{ name: p, params: { a: { type: int, max: 5, default: 9 } }, steps: [{ uses: wait, with: { duration: 1s } }] }]\n',
      'the most allowed is 5',
    ],
    [
      'playbooks: [{ name: p, steps: [{ uses: playbook/p2, expect: "true" }] }, { name: p2, steps: [{ uses: wait, with: { duration: 1s } }] }]\n',
      '`expect` is for remediations',
    ],
    [
      'defaults: { connection: nowhere }\nrules: [{ name: a, matchers: [\'x="1"\'], target: t, steps: [{ uses: redis.ping }] }]\n',
      "unknown redis connection 'nowhere'",
    ],
    [
      `${RULE}    params: { size: { type: int, required: true } }\n`,
      "rules.yml:5:21: error: alerts trigger this rule, and no alert gives 'size': write a `default`",
    ],
    [
      `${RULE}    notify: { pagerduty: prodution }\n`,
      "5:26: error: unknown PagerDuty service 'prodution', did you mean 'production'?",
    ],
    [`${RULE}    customer_messages: { identifed: x }\n`, "error: unknown key 'identifed', did you mean 'identified'?"],
    [`${RULE}    customer_messages: { resolved: '{{ labls.x }}' }\n`, 'rules.yml:5:40: error'],
    [
      `${RULE}escalation_policies: { own: [{ after: 0s, notify: { pagerduty: nope } }] }\n`,
      "5:64: error: unknown PagerDuty service 'nope'",
    ],
    [
      'rules: [{ name: a, manual: { roles: [sre] }, target: t, playbook: p }]\nplaybooks: [{ name: p, steps: [{ uses: redis.ping }] }]\n',
      'redis.ping needs a redis connection',
    ],
    [`defaults: { mute_time_intervals: [nope] }\n${RULE}`, "rules.yml:1:35: error: unknown time interval 'nope'"],
  ])('%s', (text, message) => {
    const { problems, ruleSet } = load(text);
    expect(ruleSet).toBeUndefined();
    expect(problems.join('\n')).toContain(message);
  });

  test('all problems of all files are reported at once, in order', () => {
    const first = parseYaml('a.yml', `${RULE}    mood: auto\n    delay: x\n    steps: [{ uses: redis.pong }]\n`);
    const second = parseYaml('b.yml', `rules: [{ name: pool, matchers: ['x = "1"'], severity: nope }]`);
    const broken = parseYaml('c.yml', 'rules: [');
    const lines = loadRules([first, second, broken], testSettings).problems.map(formatProblem);
    expect(lines.map((line) => line.replace(/ error: .*/, ''))).toEqual([
      'a.yml:5:5:',
      'a.yml:6:12:',
      'b.yml:1:56:',
      'c.yml:1:9:',
    ]);
  });

  test('a faulty rule does not hide the faults of others in its file', () => {
    const { problems } = load(`rules: [{ name: A }, { name: b, matchers: ['x = "1"'], runbook_url: nope }]`);
    expect(problems).toHaveLength(2);
  });

  test('a rule may have a schedule and be started by hand', () => {
    const { problems, ruleSet } = load(`rules:
  - name: backup
    schedule: { cron: '0 2 * * *', timezone: UTC }
    manual: { roles: [sre] }
    mode: approve
    escalation_policy: standard
    target: backup/main
    steps: [{ uses: exec.run, connection: hotfix, approval: true }]
`);
    expect(problems).toEqual([]);
    expect(ruleSet?.rules[0]).toMatchObject({ onAlerts: false, schedule: { times: { cron: '0 2 * * *', timezone: 'UTC' } } });
  });
});

describe('warnings', () => {
  test.each<[string, string]>([
    [
      `${RULE}    mode: auto\n    escalation_policy: standard\n    steps: [{ uses: redis.flush_db, connection: cache }]\n`,
      '2:11: warning: redis.flush_db is destructive and will be asked for, unless `safety` has allow_destructive: true',
    ],
    [
      `${RULE}    approval: { roles: [security], count: 3 }\n`,
      '5:5: warning: 3 people are asked for, and security names 2: it can never be given',
    ],
    [`${RULE}    notify: { slack: '@carol' }\n`, "5:23: warning: unknown person or role 'carol'"],
    [`${RULE}    notify: { slack: '@bob' }\n`, '5:23: warning: bob has no `slack` id in `people`'],
    [`${RULE}severities: [{ name: S, matchers: ['a = "b"'], notify: { slack: ops } }]\n`, '5:65: warning: expected a channel'],
  ])('%s', (text, message) => {
    const { problems, ruleSet } = load(text);
    expect(ruleSet).toBeDefined();
    expect(problems).toEqual([expect.stringContaining(`rules.yml:${message}`)]);
  });

  test.each([
    `${RULE}    mode: approve\n    escalation_policy: standard\n    steps: [{ uses: redis.flush_db, connection: cache, approval: true }]\n`,
    `${RULE}    manual: { roles: [sre] }\n    params: { size: { type: int, default: 3 } }\n`,
    `${RULE}    notify: { slack: '@sre', pagerduty: '{{ labels.service }}' }\n`,
  ])('none: %s', (text) => {
    expect(load(text).problems).toEqual([]);
  });

  test('of a role that nobody is in, and of pages without a pager, once', () => {
    const settings = { ...testSettings, roles: new Map([['sre', { people: [] }]]), pagerduty: 'log' as const };
    const { problems } = load(
      `defaults: { notify: { pagerduty: a } }\nrules:\n  - { name: a, manual: { roles: [sre] }, matchers: ['x = "1"'] }\n  - { name: b, notify: { pagerduty: b }, matchers: ['x = "2"'] }\n`,
      settings,
    );
    expect(problems).toEqual([
      "rules.yml:1:34: warning: pages to 'a' go to the log only: `pagerduty` is not configured",
      "rules.yml:3:34: warning: nobody is in the role 'sre'",
    ]);
  });

  test('not of what only a configuration could know', () => {
    const { escalationPolicies: _policies, roles: _roles, ...alone } = testSettings;
    const { problems, ruleSet } = load(
      `${RULE}    escalation_policy: theirs\n    notify: { slack: '@x', pagerduty: y }\n    approval: { roles: [z] }\n`,
      alone,
    );
    expect(problems).toEqual([]);
    expect(ruleSet?.rules[0]?.responseTo('P0').rungs).toEqual([]);
  });
});

describe('what people do', () => {
  const HOUR_MS = 3_600_000;
  const severities = [
    buildSeverity('P0', 'severity = "critical"', {
      escalationPolicy: 'standard',
      responseTimeMs: HOUR_MS,
      updateEveryMs: HOUR_MS,
      pagerdutySeverity: 'critical',
      notify: { slack: '#alerts', ownChannel: true },
      postMortem: true,
    }),
    buildSeverity('P3', 'alertname =~ ".+"', { activeTimeIntervals: ['business-hours'], escalationPolicy: 'slow' }),
  ];
  const rungs = (place: string): readonly EscalationRung[] => [
    { afterMs: 300_000, unless: ['verified'], notify: { slack: place } },
  ];
  const settings = {
    ...testSettings,
    severities,
    escalationPolicies: new Map([
      ['standard', rungs('#std')],
      ['slow', rungs('#slow')],
    ]),
  };
  const places = (plan: ResponsePlan | undefined): unknown => plan?.rungs.map(({ notify }) => notify.slack);

  test('comes from the severity, and its policy', () => {
    const { ruleSet } = load(RULE, settings);
    const rule = ruleSet?.rules[0];
    const plan = rule?.responseTo('P0');
    expect(plan).toMatchObject({
      rungs: rungs('#std'),
      responseTimeMs: HOUR_MS,
      updateEveryMs: HOUR_MS,
      pagerdutySeverity: 'critical',
      notify: { slack: '#alerts', ownChannel: true },
      postMortem: true,
    });
    expect(plan?.dueAt(5, 10)).toBe(15);
    expect(ruleSet?.responseTo('P0')).toBe(plan);
    const friday = Date.UTC(2026, 10, 27, 3, 0);
    expect(rule?.responseTo('P3').dueAt(friday, 2 * HOUR_MS)).toBe(Date.UTC(2026, 10, 30, 3, 0));
    expect(places(rule?.responseTo('P3'))).toEqual(['#slow']);
    expect(rule?.responseTo('none')).toMatchObject({ rungs: [], notify: {}, postMortem: false });
    expect(rule?.responseTo('none')).toBe(rule?.responseTo('else'));
  });

  test("the rule's policy goes before, and the file's scale and policies before the configuration's", () => {
    const { ruleSet } = load(
      `${RULE}    escalation_policy: own
  - { name: b, matchers: ['x = "1"'] }
severities:
  - { name: S1, matchers: ['severity = "critical"'], escalation_policy: standard, response_time: 5m }
escalation_policies:
  own: [{ after: 0s, notify: { slack: '#own' } }]
  standard: [{ after: 1m, notify: { slack: '#file' } }]
`,
      settings,
    );
    const [a, b] = ruleSet?.rules ?? [];
    expect(a?.severityOf(copyLabels({ severity: 'critical' }))).toEqual({ name: 'S1', rank: 0 });
    expect([places(a?.responseTo('S1')), places(b?.responseTo('S1')), places(b?.responseTo('P0'))]).toEqual([
      ['#own'],
      ['#file'],
      ['#file'],
    ]);
    expect([a?.responseTo('S1').responseTimeMs, a?.responseTo('P0').responseTimeMs]).toEqual([300_000, HOUR_MS]);
    expect(places(a?.responseTo('none'))).toEqual(['#own']);
    expect(places(ruleSet?.responseTo('P0'))).toEqual(['#std']);
    expect(ruleSet?.responseTo('S1').rungs).toEqual([]);
  });

  test('is part of the snapshot, which says the same without files and settings', () => {
    const rule = loadRule(
      `${RULE}    severity: P3\n    customer_messages: { identified: 'We are on it: {{ labels.cluster }}' }\n    notify: { slack: '#a' }\n`,
      settings,
    );
    const again = compileSnapshot(rule.snapshot, { remediations: stubRemediations });
    expect(again.digest).toBe(rule.digest);
    expect(again.snapshot).toEqual(rule.snapshot);
    for (const name of ['P0', 'P3', 'none']) {
      const [plan, stored] = [rule.responseTo(name), again.responseTo(name)];
      expect(stored).toEqual({ ...plan, dueAt: stored.dueAt });
      expect([0, 1, HOUR_MS, 70 * HOUR_MS].map((after) => stored.dueAt(0, after))).toEqual(
        [0, 1, HOUR_MS, 70 * HOUR_MS].map((after) => plan.dueAt(0, after)),
      );
    }
    expect(again.customerMessages.identified?.renderForPeople(scope)).toBe('We are on it: a');
    expect(again.notify.slack?.render(scope)).toBe('#a');
  });

  test('changes the digest of the rules that follow it, and of the set', () => {
    const digests = (given: RuleSettings, policy = ''): readonly (string | undefined)[] => {
      const { ruleSet } = load(`${RULE}${policy}`, given);
      return [ruleSet?.rules[0]?.digest, ruleSet?.digest];
    };
    const [rule, set] = digests(settings);
    const slower = {
      ...settings,
      escalationPolicies: new Map([...settings.escalationPolicies, ['slow', rungs('#else')] as const]),
    };
    expect(digests(slower)).not.toContain(rule);
    expect(digests(slower)).not.toContain(set);
    const own = '    escalation_policy: standard\n';
    expect(digests(slower, own)[0]).toBe(digests(settings, own)[0]);
    const unused = {
      ...settings,
      escalationPolicies: new Map([...settings.escalationPolicies, ['unused', rungs('#x')] as const]),
    };
    expect(digests(unused)).toEqual([rule, set]);
    const [first, ...others] = severities;
    const patient = { ...settings, severities: first === undefined ? [] : [{ ...first, responseTimeMs: 1 }, ...others] };
    expect(digests(patient)).not.toContain(rule);
  });

  test('is nothing in snapshots that know nothing of it', () => {
    const rule = loadRule(RULE, { ...testSettings, escalationPolicies: new Map() });
    const { severities: stored, ...snapshot } = rule.snapshot;
    expect(stored).toEqual([
      { name: 'P0', matchers: ['severity = "critical"'], escalation_policy: 'standard' },
      { name: 'P1', matchers: ['severity = "major"'] },
      { name: 'P3', matchers: ['alertname =~ ".+"'] },
    ]);
    expect(Object.keys(snapshot)).toEqual(['file', 'rule', 'playbooks', 'time_intervals', 'vars', 'approval']);
    const again = compileSnapshot(rule.snapshot, { remediations: stubRemediations });
    expect([again.digest, again.responseTo('P0').rungs, again.customerMessages, again.params]).toEqual([rule.digest, [], {}, {}]);
  });
});

describe('a compiled rule', () => {
  test('has typed parameters and texts for customers, and merges those with the defaults', () => {
    const rule = loadRule(`defaults:
  customer_messages: { investigating: We look, resolved: Done }
${RULE}    manual: { roles: [sre, dba] }
    params: { size: { type: bytes, default: 1GiB, max: 2GiB }, why: { type: string, enum: [a, b] } }
    customer_messages: { resolved: 'Over at {{ labels.cluster }}' }
`);
    expect(rule.manual).toEqual({ roles: ['sre', 'dba'] });
    expect(rule.params).toEqual({
      size: { type: 'bytes', default: '1GiB', max: 2 ** 31 },
      why: { type: 'string', enum: ['a', 'b'] },
    });
    expect(Object.entries(rule.customerMessages).map(([phase, text]) => [phase, text.renderForPeople(scope)])).toEqual([
      ['investigating', 'We look'],
      ['resolved', 'Over at a'],
    ]);
    expect(loadRule(RULE)).toMatchObject({ customerMessages: {}, params: {}, notify: {} });
    expect(loadRule(RULE).manual).toBeUndefined();
  });

  test('has the defaults of a rule that says nothing', () => {
    const rule = loadRule(`${RULE}    steps: [{ uses: redis.ping, connection: cache }]\n`);
    expect(rule).toMatchObject({
      mode: 'observe',
      delayMs: 0,
      cancelWindowMs: 0,
      onResolved: 'cancel',
      timeoutMs: 900_000,
      readsOnly: true,
      onAlerts: true,
      safety: {
        cooldownMs: 900_000,
        maxRuns: [{ count: 3, windowMs: 86_400_000 }],
        maxTargets: { atOnce: 1, windows: [{ count: 5, windowMs: 3_600_000 }] },
        breaker: { count: 3, windowMs: 86_400_000 },
        allowDestructive: false,
      },
      approval: { roles: ['sre'], count: 1, timeoutMs: 900_000, onTimeout: 'escalate' },
    });
    expect(rule.verify).toBeUndefined();
    expect(rule.rungs[0]?.playbook.steps[0]).toMatchObject({
      id: 'step_1',
      timeoutMs: 30_000,
      retry: { attempts: 1 },
      onError: 'fail',
    });
    expect(rule.target?.render(scope)).toBe('postgres/a');
  });

  test("takes its file's defaults, and merges safety and fields", () => {
    const rule = loadRule(`defaults:
  connection: dean
  mode: auto
  escalation_policy: standard
  safety: { cooldown: 1m, max_runs: [1 per 1h] }
  fields: { Contact: '@dba', Impact: unknown }
${RULE}    safety: { cooldown: 2m }
    fields: { Impact: '{{ labels.missing }}' }
    steps: [{ uses: redis.ping }, { uses: docker.restart_container, with: { container: x } }]
`);
    expect(rule.mode).toBe('auto');
    expect(rule.safety).toMatchObject({ cooldownMs: 120_000, maxRuns: [{ count: 1, windowMs: 3_600_000 }] });
    expect(Object.entries(rule.fields).map(([name, text]) => [name, text.renderForPeople(scope)])).toEqual([
      ['Contact', '@dba'],
      ['Impact', '–'],
    ]);
    const calls = rule.rungs[0]?.playbook.steps.map(({ call }) =>
      call.kind === 'remediation' ? call.render(scope).connection : '',
    );
    expect(calls).toEqual(['dean', 'dean']);
    expect(rule.readsOnly).toBe(false);
  });

  test('uses the only connection of a kind when nothing names one', () => {
    const { connections, ...others } = testSettings;
    const only = {
      ...others,
      connections: { faultOf: connections.faultOf.bind(connections), onlyOne: () => 'cache', hasAny: () => true },
    };
    const rule = loadRule(`${RULE}    steps: [{ uses: redis.ping }]\n`, only);
    const [step] = rule.rungs[0]?.playbook.steps ?? [];
    expect(step?.call.kind === 'remediation' && step.call.render(scope).connection).toBe('cache');
  });

  test('may lack a connection only while it watches', () => {
    const none = { ...testSettings, connections: new ConfiguredConnections(new Map()) };
    const rules = (mode: string): string => `rules:
  - { name: a, matchers: ['x = "1"'], target: t, mode: ${mode}, escalation_policy: standard, playbook: p }
playbooks: [{ name: p, steps: [{ uses: redis.ping }] }]
`;
    const watching = loadRule(rules('observe'), none);
    expect(compileSnapshot(watching.snapshot, { remediations: stubRemediations }).digest).toBe(watching.digest);
    expect(load(rules('auto'), none).problems.join('\n')).toContain('uses redis.ping, which has no connection');
  });

  test('checks a connection that is an expression when it is rendered', () => {
    const rule = loadRule(`${RULE}    steps: [{ uses: redis.ping, connection: '{{ labels.cluster }}' }]\n`);
    const [step] = rule.rungs[0]?.playbook.steps ?? [];
    const render = (cluster: string): unknown =>
      step?.call.kind === 'remediation' && step.call.render({ ...scope, labels: copyLabels({ cluster }) }).connection;
    expect(render('cache')).toBe('cache');
    expect(() => render('local')).toThrow(ExpressionError);
  });

  test('an effect that an expression decides is the worst it may have', () => {
    const rule = loadRule(`${RULE}    steps:
      - { uses: http.request, with: { connection: api, method: '{{ labels.method }}', path: / } }
      - { uses: http.request, with: { connection: api, path: / } }
`);
    const effects = rule.rungs[0]?.playbook.steps.map(({ call }) => (call.kind === 'remediation' ? call.effect : ''));
    expect(effects).toEqual(['change', 'read']);
  });

  test('renders playbooks with typed parameters, and refuses missing ones', () => {
    const rule = loadRule(`${RULE}    playbook: free
    with: { idle_for: '{{ labels.idle }}' }
    fallbacks: [{ playbook: free }]
playbooks:
  - name: free
    params: { idle_for: { type: duration, default: 10m, max: 1h } }
    steps: [{ uses: postgres.terminate_idle_connections, connection: main, with: { idle_for: '{{ params.idle_for }}', limit: 5 } }]
`);
    const [first, fallback] = rule.rungs;
    expect(fallback?.render(scope)).toEqual({ idle_for: 600_000 });
    expect(first?.render({ ...scope, labels: copyLabels({ idle: '30m' }) })).toEqual({ idle_for: 1_800_000 });
    expect(() => first?.render(scope)).toThrow(ExpressionError);
    expect(() => first?.render({ ...scope, labels: copyLabels({ idle: '2h' }) })).toThrow(ParameterError);
    const [step] = first?.playbook.steps ?? [];
    const inside: Scope = { params: { idle_for: 600_000 }, steps: {}, now: 0 };
    expect(step?.call.kind === 'remediation' && step.call.render(inside).params).toEqual({ idle_for: 600_000, limit: 5 });
  });

  test('for_each takes a list, a bare expression or {{ }}, and at most 100 entries', () => {
    const rule = loadRule(`${RULE}    steps:
      - { for_each: [a, '{{ labels.cluster }}'], uses: docker.inspect_container, connection: local, with: { container: '{{ item }}' } }
      - { for_each: 'alerts.map(a, a.labels.pod)', uses: wait, with: { duration: 1s } }
      - { for_each: '{{ params.names }}', uses: wait, with: { duration: '{{ item }}' } }
    params: { names: { type: list } }
`);
    const [first, , third] = rule.rungs[0]?.playbook.steps ?? [];
    expect(first?.forEach?.render(scope)).toEqual(['a', 'a']);
    const many = { ...scope, params: { names: Array.from({ length: 101 }, () => '1s') } };
    expect(() => third?.forEach?.render(many)).toThrow('at most 100');
    expect(first?.call.kind === 'remediation' && first.call.render({ ...scope, item: 'b' }).params).toEqual({ container: 'b' });
  });

  test('mutes by time intervals', () => {
    const rule = loadRule(`${RULE}    mute_time_intervals: [release-freeze]\n`);
    const friday = Date.UTC(2026, 10, 27, 3, 30);
    expect(rule.muteTimes.isMuted(friday)).toBe(true);
    expect(rule.muteTimes.unmutedAt(friday)).toBe(Date.UTC(2026, 10, 27, 4, 0));
  });

  test('knows its severity and the first matcher that fails', () => {
    const rule = loadRule(RULE);
    expect(rule.severityOf(copyLabels({ alertname: 'x', severity: 'critical' }))).toEqual({ name: 'P0', rank: 0 });
    expect(rule.severityOf(copyLabels({ alertname: 'x' }))).toEqual({ name: 'P3', rank: 2 });
    expect(rule.severityOf(copyLabels({}))).toEqual({ name: 'none', rank: 3 });
    expect(rule.firstFailingMatcher(copyLabels({ alertname: 'Other' }))).toBe('alertname = "TooMany"');
    expect(rule.firstFailingMatcher(copyLabels({ alertname: 'TooMany' }))).toBeUndefined();
  });
});
