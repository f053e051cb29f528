import type { Labels } from '../domain/alert.ts';
import { MatcherError, matchesAll, parseMatchers } from '../domain/matcher.ts';
import type { Matcher } from '../domain/matcher.ts';
import type { YamlPath } from '../schema/yaml-file.ts';
import type { ReportProblem } from './report-problem.ts';

/** A list of matchers of a file, all of which have to match. */
export interface MatcherList {
  readonly matchers: readonly Matcher[];
  matches(labels: Labels): boolean;
  /** The first entry that does not match, as written. */
  firstFailing(labels: Labels): string | undefined;
}

/** Parses a list of matchers; one that would match every alert is refused. */
export function compileMatchers(texts: readonly string[], path: YamlPath, report: ReportProblem): MatcherList {
  const entries = texts.map((text, index) => ({ text, matchers: parseEntry(text, [...path, index], report) }));
  const list = createMatcherList(entries);
  if (entries.every((entry) => entry.matchers !== undefined) && list.matchers.every((matcher) => matcher.matchesEmpty)) {
    report(path, 'every alert would match: at least one matcher must not match the empty string');
  }
  return list;
}

interface MatcherEntry {
  readonly text: string;
  /** Absent after a problem. */
  readonly matchers: readonly Matcher[] | undefined;
}

// A function of its own, so that a rule does not keep what reports problems, and the whole file with it.
function createMatcherList(entries: readonly MatcherEntry[]): MatcherList {
  const matchers = entries.flatMap((entry) => entry.matchers ?? []);
  return {
    matchers,
    matches: (labels) => matchesAll(matchers, labels),
    firstFailing: (labels) => entries.find((entry) => !matchesAll(entry.matchers ?? [], labels))?.text,
  };
}

/** One entry: usually one matcher, as in Alertmanager also several with commas. */
function parseEntry(text: string, path: YamlPath, report: ReportProblem): readonly Matcher[] | undefined {
  try {
    return parseMatchers(text);
  } catch (error) {
    if (!(error instanceof MatcherError)) throw error;
    report(path, error.message, { at: error.column - 1 });
    return undefined;
  }
}
