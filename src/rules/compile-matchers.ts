import { MatcherError, parseMatcher } from '../domain/matcher.ts';
import type { Matcher } from '../domain/matcher.ts';
import type { YamlPath } from '../schema/yaml-file.ts';
import type { ReportProblem } from './report-problem.ts';

/** Parsed matchers, all of which have to match; one that would match everything is refused. */
export function compileMatchers(texts: readonly string[], path: YamlPath, report: ReportProblem): readonly Matcher[] {
  const matchers: Matcher[] = [];
  texts.forEach((text, index) => {
    try {
      matchers.push(parseMatcher(text));
    } catch (error) {
      if (!(error instanceof MatcherError)) throw error;
      report([...path, index], error.message, { at: error.column - 1 });
    }
  });
  if (matchers.length === texts.length && matchers.every((matcher) => matcher.matchesEmpty)) {
    report(path, 'at least one matcher must not match the empty string: these match every alert that lacks the labels');
  }
  return matchers;
}
