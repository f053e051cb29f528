import type { Problem } from '../schema/problem.ts';
import type { YamlFile, YamlPath } from '../schema/yaml-file.ts';
import type { ReportProblem } from './report-problem.ts';
import type { RuleDefinition } from './rule-file-schema.ts';

/** Reports problems of a rule where they were written: in the rule itself, or in the `defaults` of its file. */
export function rulePlaceReporter(
  yaml: YamlFile,
  written: RuleDefinition,
  path: YamlPath,
  report: (problem: Problem) => void,
): ReportProblem {
  return (at, message, options) => {
    const [key, ...rest] = at.slice(path.length);
    const isWritten =
      key === undefined || key === 'name' || (Object.hasOwn(written, key) && !isMergedEntry(written, key, rest[0]));
    const isNowhere = !isWritten && !Object.hasOwn(defaultsOf(yaml), key);
    if (isWritten || isNowhere) report(yaml.problem(at, message, options));
    else report(yaml.problem(['defaults', key, ...rest], message, options));
  };
}

/** `safety` and `fields` merge entry by entry. */
function isMergedEntry(written: RuleDefinition, key: PropertyKey, entry: PropertyKey | undefined): boolean {
  if (entry === undefined || (key !== 'safety' && key !== 'fields')) return false;
  const entries = written[key];
  return entries !== undefined && !Object.hasOwn(entries, entry);
}

function defaultsOf(yaml: YamlFile): object {
  const { value } = yaml;
  const defaults: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'defaults') : undefined;
  return typeof defaults === 'object' && defaults !== null ? defaults : {};
}
