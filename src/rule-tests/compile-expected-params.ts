import type { Json } from '../domain/json.ts';
import { ParameterError, parseParameter } from '../domain/parameter.ts';
import { matchesPattern } from '../domain/pattern.ts';
import type { ReportProblem } from '../rules/report-problem.ts';
import type { ExpectationDefinition } from '../rules/tests-file-schema.ts';
import { suggestName } from '../schema/nearest-name.ts';
import type { YamlPath } from '../schema/yaml-file.ts';
import type { RuleNames } from './rule-names.ts';

/** The parameters that a run is expected to have, as runs hold them: durations in milliseconds, sizes in bytes. */
export function compileExpectedParams(
  { rule, params }: ExpectationDefinition,
  names: RuleNames,
  report: ReportProblem,
  path: YamlPath,
): Pick<ExpectationDefinition, 'params'> {
  if (params === undefined || (rule !== undefined && !names.rules.includes(rule))) return {};
  const specs = names.paramsOf(rule);
  const compiled: Record<string, Json> = {};
  for (const [name, value] of Object.entries(params)) {
    const spec = specs.get(name);
    if (spec === undefined) {
      report([...path, name], `unknown parameter '${name}'${suggestName(name, [...specs.keys()])}`, { at: 'key' });
      continue;
    }
    // A parameter that nobody gave, and that has no default, has no value.
    if (value === null) {
      compiled[name] = null;
      continue;
    }
    try {
      compiled[name] = parseParameter(name, spec, value, matchesPattern);
    } catch (error) {
      if (!(error instanceof ParameterError)) throw error;
      report([...path, name], error.message);
    }
  }
  return { params: compiled };
}
