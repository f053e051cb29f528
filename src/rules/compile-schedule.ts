import type { CronTimes } from '../domain/cron-times.ts';
import type { RuleSchedule } from '../domain/rule.ts';
import { compileCron, CronError } from '../schema/compile-cron.ts';
import type { YamlPath } from '../schema/yaml-file.ts';
import { compileDuration } from './compile-context.ts';
import { sha256 } from './digest.ts';
import type { ReportProblem } from './report-problem.ts';
import type { RuleDefinition } from './rule-file-schema.ts';

/** Compiles `schedule`; what is wrong with it is reported. */
export function compileSchedule(
  definition: NonNullable<RuleDefinition['schedule']>,
  path: YamlPath,
  report: ReportProblem,
): RuleSchedule | undefined {
  const catchUpMs = compileDuration(definition.catch_up, 0, [...path, 'catch_up'], report);
  let times: CronTimes;
  try {
    times = compileCron(definition.cron, definition.timezone);
  } catch (error) {
    if (!(error instanceof CronError)) throw error;
    report([...path, error.part], error.message);
    return undefined;
  }
  return { times, catchUpMs, digest: sha256(JSON.stringify([times.cron, times.timezone])) };
}
