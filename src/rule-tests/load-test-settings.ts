import { resolve } from 'node:path';
import { z } from 'zod';
import { substituteEnvironment, type Environment } from '../config/environment.ts';
import { loadConfig } from '../config/load-config.ts';
import { CONNECTION_KINDS, type ConnectionKind } from '../domain/connection.ts';
import type { AnyRemediation } from '../domain/remediation.ts';
import type { Settings } from '../domain/settings.ts';
import { ConfiguredConnections } from '../rules/configured-connections.ts';
import { createRuleSettings, type RuleSettings } from '../rules/rule-settings.ts';
import { withoutConfiguration } from '../rules/without-configuration.ts';
import { hasErrors, type Problem } from '../schema/problem.ts';
import { readYamlFile } from '../schema/yaml-file.ts';

/** What the rules under test may refer to, and what decides over them. */
export interface TestSettings {
  readonly settings: Pick<Settings, 'limits' | 'people' | 'roles'>;
  readonly ruleSettings: RuleSettings;
  readonly defaultChannel: string | undefined;
  /** Without a configuration everybody is a person, and has every role. */
  readonly hasConfig: boolean;
}

/** What decides, and holds no secret: of the other sections only names are looked at. */
const SECTIONS = [
  'vars',
  'people',
  'roles',
  'approval',
  'severities',
  'escalation_policies',
  'time_intervals',
  'limits',
] as const;

const names = z.record(z.string(), z.unknown()).catch({});
const namesOfAccess = z.object({
  connections: z.record(z.string(), names).catch({}),
  pagerduty: z.object({ services: names }).optional().catch(undefined),
  slack: z.object({ default_channel: z.string().optional() }).optional().catch(undefined),
});

/**
 * The settings of a configuration for tests: its secrets are neither needed nor read, of connections and paged services the
 * names are known. Without a file, connections, roles, policies and intervals that rules name are taken as given.
 */
export async function loadTestSettings(
  file: string | undefined,
  shownAs: string,
  remediations: ReadonlyMap<string, AnyRemediation>,
  environment: Environment,
): Promise<{ readonly loaded: TestSettings } | { readonly problems: readonly Problem[] }> {
  const root = process.cwd();
  const { settings, problems } = await loadConfig({ file, environment, workingDirectory: root, sections: SECTIONS });
  const shown = problems.map((problem) => ({ ...problem, file: shownAs }));
  if (settings === undefined || hasErrors(problems)) return { problems: shown };
  const known = createRuleSettings(settings, remediations);
  if (file === undefined) {
    const ruleSettings = withoutConfiguration(known);
    return { loaded: { settings, ruleSettings, defaultChannel: undefined, hasConfig: false } };
  }
  const read = await readYamlFile(resolve(root, file));
  if ('problems' in read) return read;
  const { value } = substituteEnvironment(read.yaml, environment);
  const { connections, pagerduty, slack } = namesOfAccess.parse(value ?? {});
  const ruleSettings: RuleSettings = {
    ...known,
    connections: new ConfiguredConnections(kindsByName(connections)),
    pagerduty: pagerduty === undefined ? 'log' : new Set(Object.keys(pagerduty.services)),
  };
  return { loaded: { settings, ruleSettings, defaultChannel: slack?.default_channel, hasConfig: true } };
}

function kindsByName(
  connections: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): ReadonlyMap<string, ReadonlySet<ConnectionKind>> {
  const kinds = new Map<string, Set<ConnectionKind>>();
  for (const kind of CONNECTION_KINDS) {
    for (const name of Object.keys(connections[kind] ?? {})) kinds.set(name, (kinds.get(name) ?? new Set()).add(kind));
  }
  return kinds;
}
