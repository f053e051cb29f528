import type { YamlPath } from '../schema/yaml-file.ts';
import type { ProblemSeverity } from '../schema/problem.ts';
import type { ExpressionProblem } from './expression-problem.ts';

/** Tells of a problem at a path of the file that is being compiled: at its value, its key, or a character inside of a text. */
export type ReportProblem = (
  path: YamlPath,
  message: string,
  options?: { readonly at?: 'key' | 'value' | number; readonly severity?: ProblemSeverity },
) => void;

/** Tells of what is wrong with an expression or template that stands at a path. */
export function reportExpression(report: ReportProblem, path: YamlPath, problems: readonly ExpressionProblem[]): void {
  for (const { message, start } of problems) report(path, message, { at: start });
}
