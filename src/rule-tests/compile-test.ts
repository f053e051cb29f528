import { copyLabels, type Labels } from '../domain/alert.ts';
import { parseDuration } from '../domain/duration.ts';
import { parseInstant } from '../domain/parse-instant.ts';
import { rolesOf } from '../domain/roles-of.ts';
import type { ReportProblem } from '../rules/report-problem.ts';
import type { PersonDefinition, TestDefinition } from '../rules/tests-file-schema.ts';
import { suggestName } from '../schema/nearest-name.ts';
import type { YamlFile, YamlPath } from '../schema/yaml-file.ts';
import { checkExpectation } from './check-expectation.ts';
import { compileExpectedParams } from './compile-expected-params.ts';
import { compileScript } from './compile-script.ts';
import type { FilePlace } from './file-place.ts';
import type { TestSettings } from './load-test-settings.ts';
import { RuleNames } from './rule-names.ts';
import {
  ACTS,
  type ActName,
  type Expectation,
  type PersonAct,
  type RuleTest,
  type TestAlert,
  type TestWorld,
} from './rule-test.ts';

/** What a test is compiled with. */
export interface TestContext {
  readonly yaml: YamlFile;
  /** Of the test in its file. */
  readonly path: YamlPath;
  readonly report: ReportProblem;
  readonly settings: TestSettings;
  readonly groupBy: readonly string[];
  readonly world: TestWorld;
}

const DEFAULT_START = Date.UTC(2026, 0, 1);
/** What stands beside an act, and beside which ones. */
const BESIDE = { params: ['run'], target: ['run'], override: ['retry'] } as const satisfies Record<string, readonly ActName[]>;

/** Compiles a test. What it names and does not exist is reported at its place. */
export function compileTest(definition: TestDefinition, context: TestContext): RuleTest {
  const { path, report, world } = context;
  const { name, alerts = [], remediations = [], people = [], expect } = definition;
  const names = new RuleNames(world.rules);
  return {
    name,
    place: placeOf(context, [...path, 'name']),
    startAt: compileStart(definition.start, [...path, 'start'], report),
    world,
    alerts: alerts.map((alert, index) => compileAlert(alert, context, [...path, 'alerts', index])),
    scripts: remediations.flatMap((script, index) => {
      const at = [...path, 'remediations', index];
      return (
        compileScript(script, { remediations: world.remediations.remediations, report, place: placeOf(context, at) }, at) ?? []
      );
    }),
    acts: byTime(people.map((person, index) => compileAct(person, names, context, [...path, 'people', index]))),
    expectations: byTime(
      expect.map((expectation, index): Expectation => {
        const at = [...path, 'expect', index];
        checkExpectation(expectation, names, context.settings.ruleSettings.pagerduty, report, at);
        return {
          atMs: compileInstant(expectation.at, [...at, 'at'], report),
          place: placeOf(context, at),
          definition: { ...expectation, ...compileExpectedParams(expectation, names, report, [...at, 'params']) },
        };
      }),
    ),
  };
}

function placeOf({ yaml }: TestContext, path: YamlPath): FilePlace {
  return { file: yaml.file, ...yaml.placeOf(path) };
}

function byTime<T extends { readonly atMs: number }>(list: readonly T[]): readonly T[] {
  return list.toSorted((a, b) => a.atMs - b.atMs);
}

function compileStart(text: string | undefined, path: YamlPath, report: ReportProblem): number {
  if (text === undefined) return DEFAULT_START;
  const at = parseInstant(text);
  if (at === undefined) report(path, `${JSON.stringify(text)} is not an instant such as 2026-11-22T02:30:00Z`);
  return at ?? DEFAULT_START;
}

function compileInstant(text: string, path: YamlPath, report: ReportProblem): number {
  const ms = parseDuration(text);
  if (ms === undefined)
    report(path, `${JSON.stringify(text)} is not a duration since the start of the test, such as 90s or 4m30s`);
  return ms ?? 0;
}

type AlertDefinition = NonNullable<TestDefinition['alerts']>[number];

function compileAlert(
  { at, labels: given, annotations = {}, status = 'firing' }: AlertDefinition,
  { groupBy, report }: TestContext,
  path: YamlPath,
): TestAlert {
  const labels = copyLabels(given);
  if (labels['alertname'] === undefined) report([...path, 'labels'], 'an alert has a label alertname');
  if (Object.hasOwn(given, '')) report([...path, 'labels', ''], 'a label has a name', { at: 'key' });
  return {
    atMs: compileInstant(at, [...path, 'at'], report),
    status,
    labels,
    annotations: copyLabels(annotations),
    groupLabels: groupLabelsOf(labels, groupBy),
  };
}

/** As Alertmanager does: labels that an alert does not have are not in its group. */
function groupLabelsOf(labels: Labels, groupBy: readonly string[]): Labels {
  return copyLabels(Object.fromEntries(groupBy.map((name) => [name, labels[name] ?? ''])));
}

function compileAct(definition: PersonDefinition, names: RuleNames, context: TestContext, path: YamlPath): PersonAct {
  const { report, settings } = context;
  const { by, roles } = definition;
  const written = ACTS.filter((name) => definition[name] !== undefined);
  const act: ActName = written[0] ?? 'ack';
  if (written.length !== 1)
    report(path, `write one of ${ACTS.join(', ')}${written.length === 0 ? '' : `; here are ${written.join(', ')}`}`);
  for (const [key, acts] of Object.entries(BESIDE)) {
    if (written.length === 1 && Object.hasOwn(definition, key) && !acts.some((known) => known === act))
      report([...path, key], `'${key}' is for ${acts.join(', ')}, and not for ${act}`, { at: 'key' });
  }
  const subject = definition[act];
  if (typeof subject === 'string' && act !== 'pause') checkSubject(act, subject, names, [...path, act], report);
  checkPerson(definition, names, settings, path, report);
  const forMs = act === 'pause' && typeof subject === 'string' ? compileInstant(subject, [...path, act], report) : undefined;
  const configured = settings.hasConfig ? rolesOf(by, settings.settings.roles) : [...names.roles];
  return {
    atMs: compileInstant(definition.at, [...path, 'at'], report),
    place: placeOf(context, path),
    act,
    // Roles of the API are about tokens, which tests have none of: everybody may act.
    actor: { person: by, role: 'admin', roles: roles ?? configured, via: 'api' },
    definition,
    forMs,
  };
}

function checkPerson(
  { by, roles }: PersonDefinition,
  names: RuleNames,
  { settings, hasConfig }: TestSettings,
  path: YamlPath,
  report: ReportProblem,
): void {
  const known = hasConfig ? [...settings.roles.keys()] : [...names.roles];
  roles?.forEach((role, index) => {
    if (!known.includes(role)) report([...path, 'roles', index], `unknown role '${role}'${suggestName(role, known)}`);
  });
  // Members of Slack's user groups need not be named in the configuration: their roles are said here.
  if (!hasConfig || roles !== undefined || settings.people.has(by)) return;
  const people = [...settings.people.keys()];
  report([...path, 'by'], `unknown person '${by}'${suggestName(by, people) || '; no people are configured'}`);
}

function checkSubject(act: ActName, subject: string, names: RuleNames, path: YamlPath, report: ReportProblem): void {
  if (names.rules.includes(subject)) return;
  if (act === 'run' || act === 'rearm') {
    report(path, `unknown rule '${subject}'${suggestName(subject, names.rules)}`);
    return;
  }
  const mayBeStep = act === 'approve' || act === 'reject';
  if (mayBeStep && names.steps.includes(subject)) return;
  if (names.mayBeTarget(subject)) return;
  const known = [...names.rules, ...(mayBeStep ? names.steps : []), ...names.targets];
  report(path, `'${subject}' is no rule, ${mayBeStep ? 'step ' : ''}or target${suggestName(subject, known)}`);
}
