import { parseDuration } from '../domain/duration.ts';
import type { Rate, Safety } from '../domain/rule.ts';
import type { YamlPath } from '../schema/yaml-file.ts';
import { compileDuration } from './compile-context.ts';
import type { ReportProblem } from './report-problem.ts';
import type { SafetyDefinition } from './rule-file-schema.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** What holds when a rule says nothing. */
const DEFAULT_SAFETY: Safety = {
  cooldownMs: 900_000,
  maxRuns: [{ count: 3, windowMs: DAY_MS }],
  maxTargets: { atOnce: 1, windows: [{ count: 5, windowMs: HOUR_MS }] },
  breaker: { count: 3, windowMs: DAY_MS },
  allowDestructive: false,
};

/** The `safety` of a rule with the defaults for what it does not say. */
export function compileSafety(definition: SafetyDefinition | undefined, path: YamlPath, report: ReportProblem): Safety {
  const { cooldown, max_runs: maxRuns, max_targets: maxTargets, breaker, allow_destructive: allowDestructive } = definition ?? {};
  return {
    cooldownMs: compileDuration(cooldown, DEFAULT_SAFETY.cooldownMs, [...path, 'cooldown'], report),
    maxRuns: maxRuns?.flatMap((text, index) => compileRate(text, [...path, 'max_runs', index], report)) ?? DEFAULT_SAFETY.maxRuns,
    maxTargets:
      maxTargets === undefined ? DEFAULT_SAFETY.maxTargets : compileTargets(maxTargets, [...path, 'max_targets'], report),
    breaker:
      (breaker === undefined ? undefined : compileRate(breaker, [...path, 'breaker'], report)[0]) ?? DEFAULT_SAFETY.breaker,
    allowDestructive: allowDestructive ?? false,
  };
}

function compileTargets(written: readonly (number | string)[], path: YamlPath, report: ReportProblem): Safety['maxTargets'] {
  const atOnce = written.filter((entry) => typeof entry === 'number');
  if (atOnce.length > 1) report(path, 'only one whole number: how many targets at once');
  const windows = written.flatMap((entry, index) =>
    typeof entry === 'string' ? compileRate(entry, [...path, index], report) : [],
  );
  return { windows, ...(atOnce[0] === undefined ? {} : { atOnce: atOnce[0] }) };
}

function compileRate(text: string, path: YamlPath, report: ReportProblem): readonly Rate[] {
  const [count = '', window = ''] = text.split(/ (?:failures )?per /);
  const windowMs = parseDuration(window);
  if (windowMs !== undefined && windowMs > 0) return [{ count: Number(count), windowMs }];
  report(path, `"${window}" is not a duration such as 15m, 1h or 24h`);
  return [];
}
