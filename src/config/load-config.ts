import { basename, dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { Json } from '../domain/json.ts';
import type { Settings } from '../domain/settings.ts';
import { UNWORDED, explainIssues } from '../schema/explain-issues.ts';
import { jsonValue } from '../schema/json-value.ts';
import { hasErrors, sortProblems } from '../schema/problem.ts';
import type { Place, Problem } from '../schema/problem.ts';
import { parseYaml, readYamlFile } from '../schema/yaml-file.ts';
import type { YamlFile } from '../schema/yaml-file.ts';
import { buildSettings } from './build-settings.ts';
import { checkPeople } from './check-people.ts';
import { checkReferences } from './check-references.ts';
import { substituteEnvironment } from './environment.ts';
import type { Environment, Substituted } from './environment.ts';
import type { Report } from './report.ts';
import { configSchema } from './schema.ts';
import type { ConfigDefinition, ConfigKey } from './schema.ts';
import { readSecretFiles } from './secret-files.ts';

/** Where the configuration comes from. */
export interface ConfigSource {
  /** Path of the file; without one everything has its default. */
  readonly file?: string | undefined;
  readonly environment: Environment;
  /** What `file` and the store's path are relative to. */
  readonly workingDirectory: string;
  /** Only these are looked at, as if the others were not there: for those who have no secrets. */
  readonly sections?: readonly ConfigKey[];
}

/** Settings that are sound, or what is wrong with them. Warnings come with both. */
export interface LoadedConfig {
  readonly settings?: Settings;
  readonly problems: readonly Problem[];
}

/** Reads, checks and completes a configuration. All problems are found at once; with an error there are no settings. Never throws. */
export async function loadConfig({ file, environment, workingDirectory, sections }: ConfigSource): Promise<LoadedConfig> {
  const path = file === undefined ? undefined : resolve(workingDirectory, file);
  const read = path === undefined ? parseYaml('remedyd.yml', '') : await readYamlFile(path, file ?? basename(path));
  if ('problems' in read) return { problems: read.problems };
  const { yaml } = read;
  const directory = path === undefined ? workingDirectory : dirname(path);

  const substituted = onlySections(substituteEnvironment(yaml, environment), sections);
  const completed = await readSecretFiles(yaml, configSchema, substituted.value ?? {}, directory);
  const checked = checkSections(yaml, completed.value);
  const found: Problem[] = [...completed.problems, ...checked.problems];
  const report: Report = (at, message, options) => {
    found.push(yaml.problem(at, message, options));
  };
  checkReferences(checked.config, checked.broken, report);
  const origin = { broken: checked.broken, intervals: writtenIntervals(completed.value), directory, workingDirectory };
  const settings = buildSettings(checked.config, origin, report);
  checkPeople(checked.config, settings, checked.broken, report);

  const problems = sortProblems(
    withoutRepeats([
      ...substituted.problems,
      ...withoutPlaces(
        found,
        substituted.unresolved.map((at) => yaml.placeOf(at)),
      ),
    ]),
  );
  return hasErrors(problems) ? { problems } : { settings, problems };
}

/** Without the known sections that nobody asked for, and without what is wrong in them. */
function onlySections(given: Substituted, sections: readonly ConfigKey[] | undefined): Substituted {
  if (sections === undefined) return given;
  const { value, problems, unresolved } = given;
  const isWanted = (key: PropertyKey | undefined): boolean =>
    sections.some((name) => name === key) || !Object.hasOwn(configSchema.shape, String(key));
  const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
  return {
    value: isMapping ? Object.fromEntries(Object.entries(value).filter(([key]) => isWanted(key))) : value,
    problems: problems.filter((_, index) => isWanted(unresolved[index]?.[0])),
    unresolved: unresolved.filter(([key]) => isWanted(key)),
  };
}

interface CheckedSections {
  readonly config: ConfigDefinition;
  /** Top-level keys whose values are not in `config`, because something in them is wrong. */
  readonly broken: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

/** A fault in one section does not hide those in the others: what is sound goes on to be checked further. */
function checkSections(yaml: YamlFile, value: unknown): CheckedSections {
  const first = configSchema.safeParse(value, UNWORDED);
  if (first.success) return { config: first.data, broken: new Set(), problems: [] };
  const problems = explainIssues(yaml, configSchema, first.error.issues);
  const broken = new Set(
    first.error.issues.flatMap((issue) =>
      issue.path.length === 0 && issue.code === 'unrecognized_keys' ? issue.keys : issue.path.slice(0, 1).map(String),
    ),
  );
  const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
  const rest = Object.fromEntries(isMapping ? Object.entries(value).filter(([key]) => !broken.has(key)) : []);
  const second = configSchema.safeParse(rest, UNWORDED);
  return { config: second.data ?? {}, broken, problems };
}

/** The time intervals as they are written, for those who keep them. */
function writtenIntervals(value: unknown): readonly Json[] {
  const parsed = z.looseObject({ time_intervals: z.array(jsonValue).optional() }).safeParse(value);
  return parsed.data?.time_intervals ?? [];
}

function withoutRepeats(problems: readonly Problem[]): readonly Problem[] {
  const known = new Map(problems.map((problem) => [`${problem.line}:${problem.column}:${problem.message}`, problem]));
  return [...known.values()];
}

function withoutPlaces(problems: readonly Problem[], places: readonly Place[]): readonly Problem[] {
  return problems.filter(({ line, column }) => !places.some((place) => place.line === line && place.column === column));
}
