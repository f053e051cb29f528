import { activeTimeFault } from '../schema/active-time-fault.ts';
import { NotifyCheck } from '../schema/notify-check.ts';
import { suggestName } from '../schema/nearest-name.ts';
import { hasErrors, sortProblems } from '../schema/problem.ts';
import type { Place, Problem } from '../schema/problem.ts';
import { UNWORDED, explainIssues } from '../schema/explain-issues.ts';
import type { YamlFile, YamlPath, YamlResult } from '../schema/yaml-file.ts';
import type { EscalationRung } from '../domain/response.ts';
import type { Playbook, RuleSet } from '../domain/rule.ts';
import { compileRule } from './compile-rule.ts';
import type { CompiledRule } from './compile-rule.ts';
import { Digester } from './digest.ts';
import { ExpressionCompiler } from './expression-compiler.ts';
import { IndexedRuleSet } from './indexed-rule-set.ts';
import { mergeDefaults } from './merge-defaults.ts';
import { PlaybookLibrary } from './playbook-library.ts';
import type { PlaybookEntry } from './playbook-library.ts';
import type { ReportProblem } from './report-problem.ts';
import { defaultsSchema, playbookSchema, ruleFileSchema, ruleSchema } from './rule-file-schema.ts';
import type { DefaultsDefinition, PlaybookDefinition, RuleDefinition, RuleFileDefinition } from './rule-file-schema.ts';
import { ResponsePlans } from './response-plans.ts';
import { rulePlaceReporter } from './rule-places.ts';
import type { RuleSettings } from './rule-settings.ts';
import { SeverityScale } from './severity-scale.ts';

/** Rules that are all sound, or what is wrong with them. Warnings come with both. */
export interface LoadedRules {
  readonly ruleSet?: RuleSet;
  readonly problems: readonly Problem[];
}

/** Compiles rule files in their order. All problems of all files are found at once; with an error there are no rules. */
export function loadRules(files: readonly YamlResult[], settings: RuleSettings): LoadedRules {
  const problems: Problem[] = files.flatMap((file) => ('problems' in file ? file.problems : []));
  const report = (problem: Problem): void => void problems.push(problem);
  const read = files.flatMap((file) => ('yaml' in file ? [readRuleFile(file.yaml, report)] : []));
  const compiler = new ExpressionCompiler(settings.vars);
  const library = new PlaybookLibrary(collectPlaybooks(read), { settings, compiler }, brokenPlaybooks(files));
  const playbooks = compilePlaybooks(library, read, settings);
  const digester = new Digester();
  const response = createResponse(new SeverityScale(settings.severities), settings.escalationPolicies ?? new Map(), settings);
  const rules = compileRules(read, {
    settings,
    compiler,
    playbooks: library,
    digester,
    notifyCheck: createNotifyCheck(settings),
    ...response,
  });
  reportRepeatedNames(read);
  compiler.releaseMemory();
  const found = sortProblems(inOrderOf(files, withoutRepeats(problems)));
  if (hasErrors(found)) return { problems: found };
  const ruleSet = new IndexedRuleSet(rules, {
    playbooks,
    plans: response.plans,
    settingsDigest: digestSettings(settings, response, digester),
    places: placesOf(read),
  });
  return { ruleSet, problems: found };
}

/** Of what a set says besides its rules. */
function digestSettings(settings: RuleSettings, { severities, plans }: Response, digester: Digester): string {
  return digester.digest({
    vars: settings.vars,
    severities: severities.data,
    policies: Object.fromEntries(plans.policiesOf(undefined)),
    intervals: [...plans.intervals.values()].map(({ definition }) => definition),
  });
}

/** A rule file whose parts were checked one by one, so that a fault in one does not hide those in others. */
interface RuleFile {
  readonly yaml: YamlFile;
  readonly report: (problem: Problem) => void;
  readonly defaults: DefaultsDefinition | undefined;
  readonly rules: readonly { readonly definition: RuleDefinition; readonly path: YamlPath }[];
  readonly playbooks: readonly { readonly definition: PlaybookDefinition; readonly path: YamlPath }[];
  readonly severities: NonNullable<RuleFileDefinition['severities']>;
  readonly policies: ReadonlyMap<string, readonly EscalationRung[]>;
}

function readRuleFile(yaml: YamlFile, report: (problem: Problem) => void): RuleFile {
  const given = yaml.value ?? {};
  const checked = ruleFileSchema.safeParse(given, UNWORDED);
  if (!checked.success) {
    for (const problem of explainIssues(yaml, ruleFileSchema, checked.error.issues)) report(problem);
    return { yaml, report, ...salvage(given) };
  }
  const { defaults, rules = [], playbooks = [], severities = [], escalation_policies: policies = {} } = checked.data;
  return {
    yaml,
    report,
    defaults,
    rules: rules.map((definition, index) => ({ definition, path: ['rules', index] })),
    playbooks: playbooks.map((definition, index) => ({ definition, path: ['playbooks', index] })),
    severities,
    policies: new Map(Object.entries(policies)),
  };
}

/** The parts of a faulty file that are sound by themselves. */
function salvage(given: unknown): Omit<RuleFile, 'yaml' | 'report'> {
  const parts = ruleFileSchema.shape;
  const defaults = defaultsSchema.safeParse(partOf(given, 'defaults'));
  const severities = parts.severities.safeParse(partOf(given, 'severities'));
  const policies = parts.escalation_policies.safeParse(partOf(given, 'escalation_policies'));
  return {
    defaults: defaults.success ? defaults.data : undefined,
    rules: entriesOf(given, 'rules').flatMap(({ entry, path }) => {
      const parsed = ruleSchema.safeParse(entry);
      return parsed.success ? [{ definition: parsed.data, path }] : [];
    }),
    playbooks: entriesOf(given, 'playbooks').flatMap(({ entry, path }) => {
      const parsed = playbookSchema.safeParse(entry);
      return parsed.success ? [{ definition: parsed.data, path }] : [];
    }),
    severities: (severities.success ? severities.data : undefined) ?? [],
    policies: new Map(Object.entries((policies.success ? policies.data : undefined) ?? {})),
  };
}

function partOf(given: unknown, key: string): unknown {
  return typeof given === 'object' && given !== null && Object.hasOwn(given, key) ? Reflect.get(given, key) : undefined;
}

function entriesOf(given: unknown, key: string): readonly { readonly entry: unknown; readonly path: YamlPath }[] {
  const list: unknown = partOf(given, key);
  return Array.isArray(list) ? list.map((entry: unknown, index) => ({ entry, path: [key, index] })) : [];
}

/** The names of playbooks that are written somewhere, sound or not. */
function brokenPlaybooks(files: readonly YamlResult[]): ReadonlySet<string> {
  const names = files.flatMap((file) =>
    'yaml' in file ? entriesOf(file.yaml.value, 'playbooks').map(({ entry }) => partOf(entry, 'name')) : [],
  );
  return new Set(names.filter((name) => typeof name === 'string'));
}

function collectPlaybooks(files: readonly RuleFile[]): ReadonlyMap<string, PlaybookEntry> {
  const entries = new Map<string, PlaybookEntry>();
  for (const { yaml, report, defaults, playbooks } of files) {
    const reportAt: ReportProblem = (path, message, options) => report(yaml.problem(path, message, options));
    const connection = defaults?.connection === undefined ? {} : { defaultConnection: defaults.connection };
    for (const { definition, path } of playbooks) {
      if (!entries.has(definition.name)) entries.set(definition.name, { definition, path, report: reportAt, ...connection });
    }
  }
  return entries;
}

/** All playbooks, also those that nothing uses: they may be run by hand. */
function compilePlaybooks(
  library: PlaybookLibrary,
  files: readonly RuleFile[],
  settings: RuleSettings,
): ReadonlyMap<string, Playbook> {
  const compiled = new Map<string, Playbook>();
  for (const { yaml, report, playbooks } of files) {
    for (const { definition, path } of playbooks) {
      const reportAt: ReportProblem = (at, message, options) => report(yaml.problem(at, message, options));
      const found = library.find(definition.name, settings.approval, [...path, 'name'], reportAt);
      if (found !== undefined) compiled.set(definition.name, found.playbook);
    }
  }
  return compiled;
}

/** A scale, and what people do at its severities. */
interface Response {
  readonly severities: SeverityScale;
  readonly plans: ResponsePlans;
}

interface RuleCompilation extends Response {
  readonly notifyCheck: NotifyCheck;
  readonly settings: RuleSettings;
  readonly compiler: ExpressionCompiler;
  readonly playbooks: PlaybookLibrary;
  readonly digester: Digester;
}

function compileRules(files: readonly RuleFile[], shared: RuleCompilation): readonly CompiledRule[] {
  return files.flatMap((file) => {
    const { connection, ...defaults } = file.defaults ?? {};
    const settings = { ...shared.settings, ...knownPolicies(shared.settings, file.policies) };
    checkSeverities(file, settings, shared.notifyCheck);
    checkPolicies(file, shared.notifyCheck);
    const context = {
      ...shared,
      ...responseOf(file, shared),
      settings,
      approval: settings.approval,
      file: file.yaml.file,
      ...(connection === undefined ? {} : { defaultConnection: connection }),
    };
    return file.rules.map(({ definition, path }) => {
      const report = rulePlaceReporter(file.yaml, definition, path, file.report);
      return compileRule(
        mergeDefaults(definition, file.defaults === undefined ? undefined : defaults),
        { ...context, report },
        path,
      );
    });
  });
}

function createResponse(severities: SeverityScale, policies: RuleFile['policies'], { timeIntervals }: RuleSettings): Response {
  return { severities, plans: new ResponsePlans(severities, policies, timeIntervals) };
}

/** What a file says of its own goes before the configuration's, which files that say nothing share. */
function responseOf(file: RuleFile, { settings, severities, plans }: RuleCompilation): Response {
  if (file.severities.length === 0 && file.policies.size === 0) return { severities, plans };
  const scale = file.severities.length === 0 ? severities : new SeverityScale([...file.severities, ...settings.severities]);
  return createResponse(scale, new Map([...(settings.escalationPolicies ?? []), ...file.policies]), settings);
}

/** Rule files that are looked at without a configuration may name whom they like. */
function createNotifyCheck({ escalationPolicies, people, roles, pagerduty }: RuleSettings): NotifyCheck {
  return new NotifyCheck(escalationPolicies === undefined ? {} : { people, roles, pagerduty });
}

/** Reports what a file's severities name and nobody knows. */
function checkSeverities(file: RuleFile, settings: RuleSettings, notifyCheck: NotifyCheck): void {
  file.severities.forEach(({ activeTimeIntervals, escalationPolicy, notify }, index) => {
    notifyCheck.check(notify, (key, message, options) => {
      file.report(file.yaml.problem(['severities', index, 'notify', key], message, options));
    });
    const fault = activeTimeFault(
      activeTimeIntervals.flatMap((name) => settings.timeIntervals.get(name) ?? []),
      Date.now(),
    );
    if (fault !== undefined) {
      const path = ['severities', index, 'active_time_intervals'];
      file.report(file.yaml.problem(path, fault, { severity: 'warning' }));
    }
    const known = settings.timeIntervals;
    activeTimeIntervals.forEach((name, place) => {
      if (known.has(name) || settings.isUnconfigured === true) return;
      const path = ['severities', index, 'active_time_intervals', place];
      file.report(file.yaml.problem(path, `unknown time interval '${name}'${suggestName(name, [...known.keys()])}`));
    });
    const policies = settings.escalationPolicies;
    if (escalationPolicy === undefined || policies === undefined || policies.has(escalationPolicy)) return;
    const path = ['severities', index, 'escalation_policy'];
    file.report(
      file.yaml.problem(
        path,
        `unknown escalation policy '${escalationPolicy}'${suggestName(escalationPolicy, [...policies.keys()])}`,
      ),
    );
  });
}

function checkPolicies(file: RuleFile, notifyCheck: NotifyCheck): void {
  for (const [name, rungs] of file.policies) {
    rungs.forEach(({ notify }, index) => {
      notifyCheck.check(notify, (key, message, options) => {
        file.report(file.yaml.problem(['escalation_policies', name, index, 'notify', key], message, options));
      });
    });
  }
}

function knownPolicies(settings: RuleSettings, own: RuleFile['policies']): Pick<RuleSettings, 'escalationPolicies'> {
  const known = settings.escalationPolicies;
  return known === undefined ? {} : { escalationPolicies: new Map([...known, ...own]) };
}

function placesOf(files: readonly RuleFile[]): ReadonlyMap<string, Place> {
  return new Map(
    files.flatMap(({ yaml, rules }) =>
      rules.map(({ definition, path }) => [definition.name, yaml.placeOf([...path, 'name'])] as const),
    ),
  );
}

function reportRepeatedNames(files: readonly RuleFile[]): void {
  for (const [kind, key] of [
    ['rule', 'rules'],
    ['playbook', 'playbooks'],
  ] as const) {
    const seen = new Map<string, string>();
    for (const file of files) {
      for (const { definition, path } of file[key]) {
        const place = file.yaml.problem([...path, 'name'], '');
        const first = seen.get(definition.name);
        if (first === undefined) seen.set(definition.name, `${place.file}:${place.line}`);
        else file.report({ ...place, message: `another ${kind} is called '${definition.name}': ${first}` });
      }
    }
  }
}

function inOrderOf(files: readonly YamlResult[], problems: readonly Problem[]): readonly Problem[] {
  const names = files.map((file) => ('yaml' in file ? file.yaml.file : file.problems[0]?.file));
  return problems.toSorted((a, b) => names.indexOf(a.file) - names.indexOf(b.file));
}

/** A fault in `defaults` or in a playbook is found once for each rule that uses it. */
function withoutRepeats(problems: readonly Problem[]): readonly Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ file, line, column, severity, message }) => {
    const key = JSON.stringify([file, line, column, severity, message]);
    return !seen.has(key) && seen.add(key);
  });
}
