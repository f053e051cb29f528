import { copyLabels } from '../domain/alert.ts';
import { findConnection } from '../domain/find-connection.ts';
import type { StepContext } from '../domain/remediation.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Playbook, Rung } from '../domain/rule.ts';
import type { Scope } from '../domain/scope.ts';
import type { Settings } from '../domain/settings.ts';
import { SystemClock } from '../domain/system-clock.ts';
import { ParameterError } from '../domain/parameter.ts';
import { findOwnContainerId } from '../own-container.ts';
import { dryRun, type DryRunStep } from '../pipeline/dry-run.ts';
import { givenParams } from '../pipeline/rule-params.ts';
import { formatProblem } from '../schema/problem.ts';
import { CliError } from './cli-error.ts';
import { loadWorld, type WorldSource } from './load-world.ts';
import { parsePairs } from './options.ts';
import { printable } from './printable.ts';

export interface RunOptions {
  readonly param: readonly string[];
  readonly label: readonly string[];
  readonly target?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Goes through a rule's or a playbook's steps against the real systems, reading and planning only. Returns the exit status. */
export async function dryRunByHand(
  name: string,
  options: RunOptions,
  source: WorldSource,
  print: (text: string) => void,
): Promise<number> {
  const { loaded, problems } = await loadWorld(source);
  if (loaded === undefined) throw new CliError(1, problems.map(formatProblem).join('\n'));
  const { rules, settings } = loaded;
  const rule = rules.byName(name);
  const playbook = rules.playbooks.get(name);
  const given = parsePairs(options.param, '--param');
  const now = Date.now();
  const labels = copyLabels(parsePairs(options.label, '--label'));
  const alert = { status: 'firing', labels, annotations: copyLabels({}), fingerprint: '', starts_at: now };
  const scope: Scope = {
    labels,
    annotations: alert.annotations,
    alert,
    alerts: [alert],
    group: labels,
    incident: { id: '', severity: rule?.severityOf(labels).name ?? '', status: '', started_at: now },
    steps: {},
    run: { id: 'dry-run', attempt: 1, failed: false, actor: '' },
    now,
  };
  const params = paramsOf(name, rule ?? playbook, given);
  let rungs: readonly Rung[];
  if (rule !== undefined) {
    rungs = rule.rungs;
  } else if (playbook !== undefined) {
    rungs = [{ kind: 'playbook', playbook, render: () => params }];
  } else {
    throw new CliError(
      1,
      `there is no rule and no playbook ${name}; rules: ${rules.rules.map((each) => each.name).join(', ') || 'none'}; playbooks: ${[...rules.playbooks.keys()].join(', ') || 'none'}`,
    );
  }
  const [first] = rungs;
  if (first === undefined) {
    print(`${name} has no steps: it only tells people`);
    return 0;
  }
  const steps = await dryRun(first, { ...scope, params }, createRunner(settings, await findOwnContainerId()));
  print(
    options.json === true
      ? JSON.stringify({ name, target: options.target ?? null, steps }, null, 2)
      : formatDryRun(name, rungs.length - 1, steps),
  );
  return steps.some((step) => step.state === 'failed') ? 1 : 0;
}

/** What was given for a rule's or a playbook's parameters, with the defaults of the others. */
function paramsOf(name: string, of: Pick<Playbook, 'params'> | undefined, given: Readonly<Record<string, string>>): JsonObject {
  try {
    return of === undefined ? {} : givenParams(of.params, given);
  } catch (error) {
    if (error instanceof ParameterError) throw new CliError(2, `${name}: ${error.message}`);
    throw error;
  }
}

function createRunner(settings: Settings, ownContainerId: string | undefined) {
  const clock = new SystemClock();
  return async <T>(call: Parameters<Parameters<typeof dryRun>[2]>[0], work: (context: StepContext) => Promise<T>): Promise<T> => {
    using timeout = clock.timeout(call.timeoutMs);
    const kind = call.remediation.connection;
    return await work({
      connection: kind === undefined ? undefined : findConnection(settings.connections, kind, call.connection),
      signal: timeout.signal,
      timeoutMs: call.timeoutMs,
      clock,
      runId: 'dry-run',
      stepId: call.stepId,
      attempt: 1,
      alerts: call.alerts,
      ...(ownContainerId === undefined ? {} : { ownContainerId }),
      post: () => Promise.resolve(),
      report: () => Promise.resolve({ text: 'only the daemon knows', incidents: 0, acted: 0, verified: 0 }),
    });
  };
}

function formatDryRun(name: string, fallbacks: number, steps: readonly DryRunStep[]): string {
  const lines = [`dry run of ${name}: nothing is changed`];
  for (const step of steps) {
    lines.push(
      `  ${step.state.padEnd(8)} ${step.address.padEnd(20)} ${step.uses}${step.connection === null ? '' : ` on ${step.connection}`}`,
    );
    if (step.plan !== null && step.state === 'planned') lines.push(`           would ${printable(step.plan.summary)}`);
    if (step.output !== null) lines.push(`           ${printable(shorten(JSON.stringify(step.output)))}`);
    if (step.error !== null) lines.push(`           ${step.error.code}: ${printable(step.error.message)}`);
  }
  if (fallbacks > 0)
    lines.push(`  and ${fallbacks} ${fallbacks === 1 ? 'fallback' : 'fallbacks'}, each only while verification does not hold`);
  return lines.join('\n');
}

function shorten(text: string): string {
  return text.length <= 400 ? text : `${text.slice(0, 400)}… (${text.length} characters)`;
}
