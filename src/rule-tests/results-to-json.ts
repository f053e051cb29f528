import { formatFailure } from './format-result.ts';
import type { FileResult } from './junit.ts';

/** The results for machines: every file with its problems and tests, every failure with its place and what was expected. */
export function resultsToJson(files: readonly FileResult[]): object {
  const results = files.flatMap((file) => file.results);
  const failed = results.filter(({ failures }) => failures.length > 0).length;
  return {
    passed: results.length - failed,
    failed,
    files: files.map(({ loaded, results: ofFile }) => ({
      file: loaded.file,
      problems: loaded.fault === undefined ? [] : loaded.problems,
      tests: ofFile.map(({ test, failures, warnings, tookMs }) => ({
        name: test.name,
        line: test.place.line,
        ok: failures.length === 0,
        took_ms: Math.round(tookMs),
        failures: failures.map((failure) => ({
          ...failure.place,
          ...(failure.kind === 'expectation'
            ? { at_ms: failure.atMs, rule: failure.rule ?? null, differences: failure.differences }
            : { message: failure.message }),
          text: formatFailure(failure, test),
        })),
        warnings: warnings.map(({ place, message }) => ({ ...place, message })),
      })),
    })),
  };
}
