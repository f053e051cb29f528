import { suggestName } from '../schema/nearest-name.ts';
import type { YamlPath } from '../schema/yaml-file.ts';
import type { Report } from './report.ts';
import type { ConfigDefinition, ConfigKey } from './schema.ts';

/**
 * Reports names that are used and not defined, and names that are defined twice. Nothing is said of names whose definitions (`broken`)
 * could not be read.
 */
export function checkReferences(config: ConfigDefinition, broken: ReadonlySet<string>, report: Report): void {
  const checkName = (section: ConfigKey, what: string, known: readonly string[], name: string, path: YamlPath): void => {
    if (!broken.has(section) && !known.includes(name))
      report(path, `unknown ${what} '${name}'${suggestName(name, known) || `; no ${section} are configured`}`);
  };
  const people = Object.keys(config.people ?? {});
  const roles = Object.keys(config.roles ?? {});
  const policies = Object.keys(config.escalation_policies ?? {});
  const intervals = (config.time_intervals ?? []).map((interval) => interval.name);

  for (const [name, role] of Object.entries(config.roles ?? {})) {
    const [members, base] = Array.isArray(role) ? [role, ['roles', name]] : [role.people ?? [], ['roles', name, 'people']];
    members.forEach((person, index) => {
      checkName('people', 'person', people, person, [...base, index]);
    });
  }
  config.auth?.api?.tokens?.forEach(({ person }, index) => {
    checkName('people', 'person', people, person, ['auth', 'api', 'tokens', index, 'person']);
  });
  config.approval?.roles?.forEach((role, index) => {
    checkName('roles', 'role', roles, role, ['approval', 'roles', index]);
  });
  config.severities?.forEach(({ escalationPolicy, activeTimeIntervals }, index) => {
    const path = ['severities', index];
    if (escalationPolicy !== undefined)
      checkName('escalation_policies', 'escalation policy', policies, escalationPolicy, [...path, 'escalation_policy']);
    activeTimeIntervals.forEach((name, at) => {
      checkName('time_intervals', 'time interval', intervals, name, [...path, 'active_time_intervals', at]);
    });
  });

  const severities = (config.severities ?? []).map(({ name }) => name);
  reportRepeats(severities, 'severity', (index) => ['severities', index, 'name'], report);
  reportRepeats(intervals, 'time interval', (index) => ['time_intervals', index, 'name'], report);
}

function reportRepeats(names: readonly string[], what: string, pathOf: (index: number) => YamlPath, report: Report): void {
  names.forEach((name, index) => {
    if (names.indexOf(name) < index) report(pathOf(index), `the ${what} '${name}' stands twice; names are unique`);
  });
}
