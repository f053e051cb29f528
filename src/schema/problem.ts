/** A place in a file; both count from 1, columns in UTF-16 units. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export const PROBLEM_SEVERITIES = ['error', 'warning'] as const;
export type ProblemSeverity = (typeof PROBLEM_SEVERITIES)[number];

/** Something wrong in a file that people write: what, where, and what to do. */
export interface Problem extends Place {
  readonly file: string;
  readonly severity: ProblemSeverity;
  readonly message: string;
}

/** `file:line:column: error: message`, always one line: control characters are escaped. */
export function formatProblem(problem: Problem): string {
  const line = `${problem.file}:${problem.line}:${problem.column}: ${problem.severity}: ${problem.message}`;
  return line.replaceAll(/[\p{Cc}\u2028\u2029]/gu, (character) => JSON.stringify(character).slice(1, -1));
}

/** Whether any of them is more than a warning. */
export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === 'error');
}

/** Problems by file (in the order given) and place. */
export function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  const files = [...new Set(problems.map((problem) => problem.file))];
  return problems.toSorted((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column);
}
