import type { ConnectionKind } from '../../src/domain/connection.ts';
import type { Rule, RuleSet } from '../../src/domain/rule.ts';
import type { SeveritySetting } from '../../src/domain/settings.ts';
import { formatProblem } from '../../src/schema/problem.ts';
import { parseYaml } from '../../src/schema/yaml-file.ts';
import { timeIntervalSchema } from '../../src/schema/time-interval-schema.ts';
import { ConfiguredConnections } from '../../src/rules/configured-connections.ts';
import { loadRules } from '../../src/rules/load-rules.ts';
import type { IntervalDefinition, RuleSettings } from '../../src/rules/rule-settings.ts';
import { stubRemediations } from './stub-remediations.ts';

const KINDS: Readonly<Record<string, readonly ConnectionKind[]>> = {
  main: ['postgres'],
  cache: ['redis'],
  local: ['docker'],
  monitoring: ['prometheus', 'alertmanager'],
  dean: ['postgres', 'redis', 'docker', 'exec'],
  c0di3: ['postgres', 'redis', 'kubernetes'],
  freeagentics: ['postgres', 'kubernetes'],
};
const HTTP = ['api', 'dean-orchestrator', 'dean-airflow', 'dean-evolution', 'dean-indexagent', 'dean-prometheus', 'dean-grafana'];
const MORE_HTTP = ['dean-elasticsearch', 'c0di3-app', 'fa-gateway', 'fa-api'];
const EXEC = ['hotfix', 'dean-backup-config', 'dean-backup-verify', 'dean-preserve-logs', 'dean-isolate', 'dean-rotate-secrets'];
const MORE_EXEC = ['c0di3-restore-latest', 'fa-hotfix', 'fa-deployments', 'fa-logs', 'fa-lockdown', 'fa-isolate', 'fa-shutdown'];

function connections(): ReadonlyMap<string, ReadonlySet<ConnectionKind>> {
  const named = Object.entries(KINDS).map(([name, kinds]) => [name, new Set(kinds)] as const);
  const http = [...HTTP, ...MORE_HTTP].map((name) => [name, new Set<ConnectionKind>(['http'])] as const);
  const exec = [...EXEC, ...MORE_EXEC].map((name) => [name, new Set<ConnectionKind>(['exec'])] as const);
  return new Map([...named, ...http, ...exec]);
}

function interval(name: string, weekday: string): IntervalDefinition {
  const definition = { name, time_intervals: [{ weekdays: [weekday], times: [{ start_time: '02:00', end_time: '04:00' }] }] };
  return { name, definition, intervals: timeIntervalSchema.parse(definition).intervals };
}

/** A level of a scale for which nothing is set but what `more` says. */
export function buildSeverity(name: string, matcher: string, more: Partial<SeveritySetting> = {}): SeveritySetting {
  return { name, matchers: [matcher], activeTimeIntervals: [], notify: {}, postMortem: false, ...more };
}

/** What the rules of the tests may refer to. */
export const testSettings: RuleSettings = {
  remediations: stubRemediations,
  connections: new ConfiguredConnections(connections()),
  vars: { env: 'production', ops_channel: '#ops', dean_channel: '#dean-ops', default_agent: 'agent_001', replicas_max: 10 },
  severities: [
    buildSeverity('P0', 'severity = "critical"', { escalationPolicy: 'standard' }),
    buildSeverity('P1', 'severity = "major"'),
    buildSeverity('P3', 'alertname =~ ".+"'),
  ],
  escalationPolicies: new Map([['standard', [{ afterMs: 300_000, unless: ['acknowledged'], notify: { slack: '#ops' } }]]]),
  timeIntervals: new Map(
    [
      interval('release-freeze', 'friday'),
      interval('business-hours', 'monday:friday'),
      interval('dean-weekly-maintenance', 'sunday'),
      interval('dean-monthly-maintenance', 'saturday'),
    ].map((each) => [each.name, each]),
  ),
  roles: new Map(['sre', 'dba', 'security'].map((name) => [name, { people: ['alice', 'bob'] }])),
  people: new Map([
    ['alice', { slack: 'U1' }],
    ['bob', {}],
  ]),
  pagerduty: new Set(['production', 'production-critical', 'production-major', 'dean-ops', 'dean-security', 'dean-dba']),
  approval: { roles: ['sre'], count: 1, timeoutMs: 900_000, onTimeout: 'escalate' },
};

/** The problems of a rule file, one line each, and its rules. */
export function load(
  text: string,
  settings: RuleSettings = testSettings,
): { readonly problems: readonly string[]; readonly ruleSet?: RuleSet } {
  const { problems, ruleSet } = loadRules([parseYaml('rules.yml', text)], settings);
  return { problems: problems.map(formatProblem), ...(ruleSet === undefined ? {} : { ruleSet }) };
}

/** The first rule of a file that has no errors. */
export function loadRule(text: string, settings: RuleSettings = testSettings): Rule {
  const { problems, ruleSet } = load(text, settings);
  const rule = ruleSet?.rules[0];
  if (rule === undefined) throw new Error(problems.join('\n'));
  return rule;
}
