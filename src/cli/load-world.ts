import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadConfig } from '../config/load-config.ts';
import type { LoadResult } from '../app.ts';
import { remediations } from '../remediations/index.ts';
import { loadRules, type LoadedRules } from '../rules/load-rules.ts';
import { readRuleFiles } from '../rules/read-rule-files.ts';
import { createRuleSettings, type RuleSettings } from '../rules/rule-settings.ts';
import { withoutConfiguration } from '../rules/without-configuration.ts';
import type { Problem } from '../schema/problem.ts';
import type { YamlResult } from '../schema/yaml-file.ts';
import type { Environment } from '../config/environment.ts';

const DEFAULT_CONFIG = 'remedyd.yml';
const UNCONFIGURED: Problem = {
  file: DEFAULT_CONFIG,
  line: 1,
  column: 1,
  severity: 'warning',
  message: 'there is no configuration: the rules only observe, without the connections, roles and time intervals that they name',
};

/** Where the configuration is and what it may take from outside. */
export interface WorldSource {
  /** `undefined`: `remedyd.yml` in the working directory, if there is one. */
  readonly configFile: string | undefined;
  readonly environment: Environment;
  readonly workingDirectory: string;
  /** Instead of the configured rule paths. */
  readonly rulePaths?: readonly string[];
}

/** Reads the configuration and the rules, and checks them as a whole: all problems of both at once. */
export async function loadWorld({ configFile, environment, workingDirectory, rulePaths }: WorldSource): Promise<LoadResult> {
  const file = configFile ?? (existsSync(resolve(workingDirectory, DEFAULT_CONFIG)) ? DEFAULT_CONFIG : undefined);
  const config = await loadConfig({ file, environment, workingDirectory });
  if (config.settings === undefined) return { problems: config.problems };
  const { settings } = config;
  // Without any configuration it starts with what is there, even if that is nothing.
  const configured = file === undefined ? settings.rules.filter((path) => existsSync(path)) : settings.rules;
  const files = await readRuleFiles(rulePaths ?? configured);
  const known = createRuleSettings(settings, remediations);
  const { ruleSet, problems } =
    file !== undefined
      ? loadRules(files, known)
      : rulePaths !== undefined
        ? loadRules(files, withoutConfiguration(known))
        : loadUnconfigured(files, known);
  const all = [...config.problems, ...problems];
  return ruleSet === undefined ? { problems: all } : { loaded: { settings, rules: ruleSet }, problems: all };
}

/** A daemon that nobody has configured watches with rules that only observe; what they name is not there yet. Rules that act need all of it. */
function loadUnconfigured(files: readonly YamlResult[], known: RuleSettings): LoadedRules {
  const strict = loadRules(files, known);
  if (strict.ruleSet !== undefined) return strict;
  const watching = loadRules(files, withoutConfiguration(known));
  const isSafe = watching.ruleSet?.rules.every((rule) => rule.mode === 'observe') === true;
  return isSafe ? { ...watching, problems: [UNCONFIGURED, ...watching.problems] } : strict;
}
