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

const MERGED_KEYS = ['safety', 'fields', 'customer_messages'] as const;

/** Some keys merge with the file's `defaults` entry by entry. */
function isMergedEntry(written: RuleDefinition, key: PropertyKey, entry: PropertyKey | undefined): boolean {
  const merged = MERGED_KEYS.find((name) => name === key);
  if (entry === undefined || merged === undefined) return false;
  const entries = written[merged];
  return entries !== undefined && !Object.hasOwn(entries, entry);
}

function defaultsOf(yaml: YamlFile): object {
  const { value } = yaml;
  const defaults: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'defaults') : undefined;
  return typeof defaults === 'object' && defaults !== null ? defaults : {};
}
