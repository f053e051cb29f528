import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { copyLabels } from '../../src/domain/alert.ts';
import { remediations } from '../../src/remediations/index.ts';
import { criticalAlerts } from '../../src/rules/critical-alerts.ts';
import { lintAlertmanagerConfig } from '../../src/rules/lint-alertmanager-config.ts';
import { lintAlerts } from '../../src/rules/lint-alerts.ts';
import { loadRules } from '../../src/rules/load-rules.ts';
import { rulesJsonSchema, testsJsonSchema } from '../../src/rules/json-schemas.ts';
import { previewSteps } from '../../src/rules/preview-steps.ts';
import { readRuleFiles } from '../../src/rules/read-rule-files.ts';
import { testsFileSchema } from '../../src/rules/tests-file-schema.ts';
import { formatProblem } from '../../src/schema/problem.ts';
import { parseYaml } from '../../src/schema/yaml-file.ts';
import { buildSeverity, load, loadRule, testSettings } from '../support/rule-settings.ts';

const ROOT = join(import.meta.dirname, '../..');

const PROMETHEUS = `groups:
  - name: g
    rules:
      - { alert: DatabaseDown, expr: 'up == 0', labels: { severity: critical } }
      - { alert: Slow, expr: 'x > 1', labels: { severity: '{{ $value }}' } }
      - { alert: Forgotten, expr: 'x > 1' }
      - { record: a:b, expr: 'x' }
`;

test('rules that no alert can reach and alerts that no rule answers are found', () => {
  const { ruleSet } = load(`rules:
  - { name: down, matchers: ['alertname = "DatabaseDown"', 'instance =~ "db.*"'] }
  - { name: typo, matchers: ['alertname = "DatabaseDwon"'] }
  - { name: never, matchers: ['alertname = "DatabaseDown"', 'severity = "warning"'] }
  - { name: perhaps, matchers: ['alertname = "Slow"', 'severity = "warning"'] }
  - { name: reported, matchers: ['alertname = "Reported"'] }
`);
  if (ruleSet === undefined) throw new Error('not loaded');
  const lines = lintAlerts(ruleSet, [{ path: 'alerts.yml', source: PROMETHEUS }]).map(formatProblem);
  expect(lines).toEqual([
    "rules.yml:3:13: error: no alert can reach the rule 'typo'",
    "rules.yml:4:13: error: no alert can reach the rule 'never'",
    "alerts.yml:6:18: warning: no rule answers the alert 'Forgotten'",
  ]);
  expect(lintAlerts(ruleSet, [{ path: 'broken.yml', source: 'groups: 5' }]).map(formatProblem)[0]).toContain(
    'broken.yml:1:9: error',
  );
});

test.each([
  [
    'receivers: [{ name: r, webhook_configs: [{ url: "http://h:9099/webhooks/alertmanager" }], email_configs: [{ to: a@example.com }] }]\nroute: { receiver: r }',
    '',
  ],
  ['receivers: [{ name: r }]\nroute: { receiver: r }', 'no receiver has a webhook'],
  [
    'receivers: [{ name: r }, { name: s, webhook_configs: [{ url: "http://h/webhooks/alertmanager" }] }]\nroute: { receiver: r }',
    "no route leads to the receiver 's'",
  ],
  [
    'receivers: [{ name: s, webhook_configs: [{ url: "http://h/webhooks/alertmanager", send_resolved: false }] }]\nroute: { receiver: r, routes: [{ receiver: s }] }',
    'send_resolved: false',
  ],
  ['receivers: 5', 'error'],
])('Alertmanager configuration %#', (source, message) => {
  const lines = lintAlertmanagerConfig('alertmanager.yml', source).map(formatProblem);
  if (message === '') expect(lines).toEqual([]);
  else expect(lines.join('\n')).toContain(message);
});

describe('critical alerts', () => {
  const receivers = `receivers:
  - { name: remedyd, webhook_configs: [{ url: 'http://r:9099/webhooks/alertmanager' }] }
  - { name: pager, pagerduty_configs: [{ routing_key: x }] }
  - { name: chat, webhook_configs: [{ url: 'http://chat/hook' }] }
  - { name: both, webhook_configs: [{ url: 'http://r:9099/webhooks/alertmanager' }], slack_configs: [{ channel: '#a' }] }
  - { name: proxied, webhook_configs: [{ url: 'https://remedyd.example.com/am' }] }
`;
  const lint = (routes: string, critical?: Parameters<typeof lintAlertmanagerConfig>[2]): readonly string[] =>
    lintAlertmanagerConfig('alertmanager.yml', `route:\n  receiver: remedyd\n  routes:\n${routes}${receivers}`, critical)
      .filter(({ message }) => message.startsWith('critical'))
      .map(
        ({ line, severity, message }) =>
          `${line}: ${severity}: ${message.replace(/ reach people.*?(?:\)|$)/, '').replace(/: add.*/, '')}`,
      );

  test.each<[string, string, readonly string[]]>([
    ['no other way', '    - { receiver: remedyd }\n', ['4: error: critical alerts with severity="critical"']],
    ['another way first', `    - { matchers: ['severity = "critical"'], receiver: pager, continue: true }\n    - {}\n`, []],
    ['another way that takes all', `    - { match: { severity: critical }, receiver: chat }\n`, []],
    [
      'another way that comes too late',
      `    - {}\n    - { matchers: ['severity = "critical"'], receiver: pager }\n`,
      ['4: error: critical alerts with severity="critical"'],
    ],
    ['one receiver for both', `    - { match_re: { severity: 'crit.*' }, receiver: both }\n`, []],
    [
      'another way that is muted at times',
      `    - { matchers: ['severity = "critical"'], receiver: pager, continue: true, mute_time_intervals: [nights] }\n    - {}\n`,
      [`5: error: critical alerts with severity="critical", and 'pager' is muted at times`],
    ],
    [
      'another word for critical',
      `    - { matchers: ['severity = "critical"'], receiver: pager, continue: true }\n    - { matchers: ['severity =~ "page|critical"'] }\n`,
      ['5: error: critical alerts with severity="page"'],
    ],
    [
      'a branch for critical ones that forgets them',
      `    - { matchers: ['team = "db"', 'severity = "critical"'] }\n    - { matchers: ['severity = "critical"'], receiver: pager, continue: true }\n    - {}\n`,
      ['4: error: critical alerts with severity="critical", team="db"'],
    ],
    [
      'a branch that critical ones may take',
      `    - { matchers: ['team = "db"'], routes: [{ receiver: remedyd }] }\n    - { matchers: ['severity = "critical"'], receiver: pager, continue: true }\n    - {}\n`,
      ['4: warning: critical alerts with severity="critical", team="db"'],
    ],
    [
      'the heartbeat',
      `    - { matchers: ['alertname = "Watchdog"'] }\n    - { matchers: ['severity = "critical"'], receiver: pager, continue: true }\n    - {}\n`,
      [],
    ],
  ])('%s', (_, routes, expected) => {
    expect(lint(routes)).toEqual(expected);
  });

  test('are those of the rule files, with the labels that they have', () => {
    const critical = [
      {
        name: 'Down',
        labels: new Map([
          ['severity', 'critical'],
          ['team', 'web'],
        ]),
      },
      { name: 'Slow', labels: new Map([['severity', 'critical']]) },
    ];
    const routes = `    - { matchers: ['team = "web"'] }\n    - { matchers: ['severity = "critical"'], receiver: pager }\n`;
    expect(lint(routes, { critical })).toEqual([
      "4: error: critical alerts 'Down'",
      `4: warning: critical alerts 'Slow' with team="web"`,
    ]);
    expect(lint('    - { receiver: proxied }\n', { critical, externalUrl: 'https://remedyd.example.com' })).toEqual([
      "4: error: critical alerts 'Down'; 'Slow'",
    ]);
    expect(lint('    - { receiver: proxied }\n', { critical })).toEqual([]);
    expect(lint('    - { receiver: remedyd }\n', { critical: [] })).toEqual([]);
  });

  test('are found by their label, by the first level of the scale, and by the rules that take them', () => {
    const source = `groups: [{ name: g, rules: [
  { alert: A, labels: { severity: page } }, { alert: B, labels: { severity: huge } }, { alert: C }, { alert: D, labels: { severity: low } },
  { alert: E, labels: { severity: '{{ $value }}' } }] }]`;
    const { ruleSet } = load(
      `rules: [{ name: c, matchers: ['alertname = "C"'], severity: P0 }, { name: d, matchers: ['alertname = "D"'] }]`,
    );
    if (ruleSet === undefined) throw new Error('not loaded');
    const files = [{ path: 'alerts.yml', source }];
    const severities = [buildSeverity('P0', 'severity = "huge"'), buildSeverity('P3', 'alertname =~ ".+"')];
    expect(criticalAlerts(files, { severities, rules: ruleSet }).map(({ name }) => name)).toEqual(['A', 'B', 'C']);
    expect(criticalAlerts(files, undefined).map(({ name }) => name)).toEqual(['A']);
  });

  test.each([
    ["route: { receiver: r, routes: [{ matchers: ['a ~ b'] }] }", '1:48: error'],
    ["route: { receiver: r, routes: [{ match_re: { a: '(' } }] }", '1:50: error'],
  ])('a route that Alertmanager would refuse: %s', (source, place) => {
    expect(lintAlertmanagerConfig('am.yml', source).map(formatProblem)[0]).toContain(place);
  });
});

describe('the preview of steps', () => {
  const rule = loadRule(`rules:
  - name: a
    matchers: ['alertname = "A"']
    target: t
    steps:
      - { id: stop, uses: docker.restart_container, connection: local, with: { container: '{{ labels.name }}' } }
      - { id: then, uses: wait, with: { duration: '{{ string(duration("1s")) }}' }, if: 'steps.stop.state == "succeeded"' }
      - { id: late, uses: docker.container_logs, connection: local, with: { container: '{{ string(steps.stop.output.started_at) }}' } }
      - { id: sub, uses: playbook/p, with: { name: '{{ labels.name }}' } }
    fallbacks: [{ playbook: p, with: { name: x } }]
playbooks:
  - name: p
    params: { name: { type: string, required: true } }
    steps: [{ id: inner, uses: docker.restart_container, connection: local, with: { container: '{{ params.name }}' } }]
    finally: [{ id: last, uses: wait, with: { duration: 1s } }]
`);

  test('renders what does not depend on earlier steps', () => {
    const shown = previewSteps(rule, { labels: copyLabels({ name: 'web-1' }), params: {}, steps: {}, now: 0 });
    expect(shown.map((step) => [step.rung, step.id, step.rendered, step.with])).toEqual([
      [0, 'stop', true, { container: 'web-1' }],
      [0, 'then', true, { duration: 1_000 }],
      [0, 'late', false, { container: '{{ string(steps.stop.output.started_at) }}' }],
      [0, 'sub', true, { name: 'web-1' }],
      [0, 'sub/inner', true, { container: 'web-1' }],
      [0, 'sub/last', true, { duration: 1_000 }],
      [1, 'inner', true, { container: 'x' }],
      [1, 'last', true, { duration: 1_000 }],
    ]);
    expect(shown[0]).toMatchObject({
      uses: 'docker.restart_container',
      connection: 'local',
      if: null,
      for_each: null,
      finally: false,
    });
  });

  test('shows what is written when a label is missing', () => {
    const [first, , , sub, inner] = previewSteps(rule, { labels: copyLabels({}), params: {}, steps: {}, now: 0 });
    expect(first).toMatchObject({ rendered: false, with: { container: '{{ labels.name }}' }, connection: 'local' });
    expect(sub).toMatchObject({ rendered: false, with: { name: '{{ labels.name }}' } });
    expect(inner).toMatchObject({ rendered: false, with: { container: '{{ params.name }}' } });
  });
});

test('the JSON Schemas know the keys of the contract', async () => {
  const rules = JSON.stringify(rulesJsonSchema());
  for (const key of [
    'unless_firing',
    'cancel_window',
    'mute_time_intervals',
    'on_timeout',
    'stable_for',
    'catch_up',
    'escalation_policies',
  ]) {
    expect(rules).toContain(`"${key}"`);
  }
  expect(rulesJsonSchema()).toMatchObject({ $schema: 'http://json-schema.org/draft-07/schema#', additionalProperties: false });
  expect(JSON.stringify(testsJsonSchema())).toContain('"escalation_level"');
  const example = parseYaml('dean.test.yml', await readFile(join(ROOT, 'tests/fixtures/examples/tests/dean.test.yml')));
  expect('yaml' in example && testsFileSchema.safeParse(example.yaml.value).error).toBeUndefined();
});

test('the library loads with the real remediations, and its alerts reach it', async () => {
  const files = await readRuleFiles([join(ROOT, 'rules/library')], ROOT);
  const connections = { faultOf: () => undefined, onlyOne: () => 'main', hasAny: () => true };
  const { ruleSet, problems } = loadRules(files, { ...testSettings, remediations, connections });
  expect(problems.map(formatProblem)).toEqual([]);
  if (ruleSet === undefined) throw new Error('not loaded');
  const folder = join(ROOT, 'alertmanager-config/alerts');
  const names = files.flatMap((file) => ('yaml' in file ? [basename(file.yaml.file, '.yml')] : []));
  const alerts = names.map((name) => `${name}.rules.yml`).filter((file) => existsSync(join(folder, file)));
  const sources = alerts.map(async (path) => ({ path, source: await readFile(join(folder, path), 'utf8') }));
  const found = lintAlerts(ruleSet, await Promise.all(sources));
  expect(found.map(formatProblem)).toEqual([]);
});

describe('rule files', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'remedyd-files-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('are read in order, by name, without tests and hidden ones', async () => {
    await mkdir(join(folder, 'b'));
    await mkdir(join(folder, '..data'));
    for (const name of ['c.yaml', 'a.yml', 'a.test.yml', '.hidden.yml', 'notes.txt', 'b/x.yml', '..data/a.yml']) {
      await writeFile(join(folder, name), 'rules: []');
    }
    const files = await readRuleFiles([join(folder, 'c.yaml'), folder, join(folder, 'none')], folder);
    expect(files.map((file) => ('yaml' in file ? file.yaml.file : file.problems.map(formatProblem)))).toEqual([
      'c.yaml',
      'a.yml',
      'b/x.yml',
      ['none:1:1: error: cannot be read (ENOENT)'],
    ]);
  });
});
