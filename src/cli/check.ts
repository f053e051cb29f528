import { readFile } from 'node:fs/promises';
import { formatProblem, hasErrors, type Problem } from '../schema/problem.ts';
import { criticalAlerts } from '../rules/critical-alerts.ts';
import { lintAlertmanagerConfig } from '../rules/lint-alertmanager-config.ts';
import { lintAlerts } from '../rules/lint-alerts.ts';
import { CliError } from './cli-error.ts';
import { loadWorld, type WorldSource } from './load-world.ts';
import { formatTicks, nextTicks } from './next-ticks.ts';

export interface CheckOptions {
  readonly prometheusRules?: readonly string[];
  readonly alertmanagerConfig?: string;
  readonly json?: boolean;
}

/** Lints configuration and rules. Returns the exit status: 1 when there is an error. */
export async function checkRules(
  paths: readonly string[],
  options: CheckOptions,
  source: WorldSource,
  print: (text: string) => void,
): Promise<number> {
  const { loaded, problems } = await loadWorld({ ...source, ...(paths.length === 0 ? {} : { rulePaths: paths }) });
  const all: Problem[] = [...problems];
  const { prometheusRules } = options;
  const files = await Promise.all((prometheusRules ?? []).map(async (path) => ({ path, source: await read(path) })));
  if (loaded !== undefined && prometheusRules !== undefined) all.push(...lintAlerts(loaded.rules, files));
  const { alertmanagerConfig } = options;
  if (alertmanagerConfig !== undefined) {
    const urgency = loaded === undefined ? undefined : { severities: loaded.settings.severities, rules: loaded.rules };
    all.push(
      ...lintAlertmanagerConfig(alertmanagerConfig, await read(alertmanagerConfig), {
        externalUrl: loaded?.settings.externalUrl,
        ...(prometheusRules === undefined ? {} : { critical: criticalAlerts(files, urgency) }),
      }),
    );
  }
  const isSound = !hasErrors(all);
  const schedules = (loaded?.rules.rules ?? []).flatMap(({ name, schedule }) =>
    schedule === undefined ? [] : [{ rule: name, ...nextTicks(schedule, Date.now()) }],
  );
  if (options.json === true) print(JSON.stringify({ ok: isSound, problems: all, schedules }, null, 2));
  else {
    for (const problem of all) print(formatProblem(problem));
    for (const { rule, ...ticks } of schedules) print(`schedule ${rule}: ${formatTicks(ticks)}`);
    const errors = all.filter((problem) => problem.severity === 'error').length;
    const rules = loaded?.rules.rules.length ?? 0;
    print(
      isSound
        ? `ok: ${rules} ${rules === 1 ? 'rule' : 'rules'}, ${all.length} ${all.length === 1 ? 'warning' : 'warnings'}`
        : `${errors} ${errors === 1 ? 'error' : 'errors'}`,
    );
  }
  return isSound ? 0 : 1;
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new CliError(1, `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
