import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { copyLabels, type AlertBatch, type AlertMessage } from '../domain/alert.ts';
import type { Rule, RuleSet } from '../domain/rule.ts';
import type { Settings } from '../domain/settings.ts';
import { UNSET_SWITCHES, type Line, type Run } from '../domain/state.ts';
import { parseAlertmanagerPayload } from '../handlers/alertmanager-payload.ts';
import type { DecisionContext } from '../pipeline/decision-context.ts';
import { createRun } from '../pipeline/create-run.ts';
import { approvalVerdict } from '../pipeline/approval-verdict.ts';
import { judgeGates } from '../pipeline/judge.ts';
import { matchRule } from '../pipeline/match-alerts.ts';
import { scopeOfRun } from '../pipeline/scope-of-run.ts';
import { World } from '../pipeline/world.ts';
import { previewSteps, type StepPreview } from '../rules/preview-steps.ts';
import { formatProblem } from '../schema/problem.ts';
import { CliError } from './cli-error.ts';
import { loadWorld, type WorldSource } from './load-world.ts';
import { formatTicks, nextTicks, type NextTicks } from './next-ticks.ts';
import { parsePairs } from './options.ts';
import { printable } from './printable.ts';

export interface ExplainOptions {
  readonly rules?: readonly string[];
  readonly label: readonly string[];
  readonly payload?: string;
  readonly json?: boolean;
}

interface ExplainedGate {
  readonly gate: string;
  readonly verdict: string;
  readonly reason: string;
}

interface ExplainedRule {
  readonly name: string;
  readonly matched: boolean;
  /** Whether this rule gets the alert: a rule before it may have taken it. */
  readonly takes: boolean;
  readonly failed_matcher: string | null;
  readonly gates: readonly ExplainedGate[];
  readonly target: string | null;
  /** Absent where no clock starts it. */
  readonly schedule?: NextTicks;
  readonly steps: readonly StepPreview[];
}

/** Says of every rule whether it would take the alert, what each gate would say, and what its steps would be. Runs nothing. */
export async function explain(options: ExplainOptions, source: WorldSource, print: (text: string) => void): Promise<void> {
  if ((options.payload === undefined) === (options.label.length === 0))
    throw new CliError(2, 'explain needs either --label name=value (one or more) or --payload FILE');
  const { loaded, problems } = await loadWorld({
    ...source,
    ...(options.rules === undefined ? {} : { rulePaths: options.rules }),
  });
  if (loaded === undefined) throw new CliError(1, problems.map(formatProblem).join('\n'));
  const batch =
    options.payload === undefined ? batchOfLabels(parsePairs(options.label, '--label')) : await readPayload(options.payload);
  const explained = batch.alerts.map((alert) => ({ alert, rules: explainAlert(alert, batch, loaded.rules, loaded.settings) }));
  if (options.json === true) {
    const [first] = explained;
    print(
      JSON.stringify(
        { rules: first?.rules ?? [], alerts: explained.map(({ alert, rules }) => ({ labels: alert.labels, rules })) },
        null,
        2,
      ),
    );
    return;
  }
  for (const { alert, rules } of explained) print(formatExplanation(alert, rules));
}

function batchOfLabels(labels: Record<string, string>): AlertBatch {
  const now = Date.now();
  const alert: AlertMessage = {
    status: 'firing',
    labels: copyLabels(labels),
    annotations: copyLabels({}),
    startsAt: now,
    generatorUrl: '',
    fingerprint: '',
  };
  return {
    source: 'explain',
    receivedAt: now,
    groupLabels: copyLabels({ alertname: labels['alertname'] ?? '' }),
    truncatedAlerts: 0,
    alerts: [alert],
    quarantined: [],
    externalUrl: '',
  };
}

async function readPayload(path: string): Promise<AlertBatch> {
  let body: Buffer;
  try {
    body = path === '-' ? await buffer(process.stdin) : await readFile(path);
  } catch (error) {
    throw new CliError(1, `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    return parseAlertmanagerPayload(body, { source: 'explain', receivedAt: Date.now() });
  } catch (error) {
    throw new CliError(1, `${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function explainAlert(alert: AlertMessage, batch: AlertBatch, rules: RuleSet, settings: Settings): readonly ExplainedRule[] {
  const taking = new Set(rules.match(alert.labels).map((rule) => rule.name));
  return rules.rules.map((rule): ExplainedRule => {
    const matched = rule.onAlerts && rule.matches(alert.labels);
    const failed = rule.onAlerts ? (rule.firstFailingMatcher(alert.labels) ?? null) : null;
    const base = {
      name: rule.name,
      matched,
      takes: taking.has(rule.name),
      failed_matcher: failed,
      ...(rule.schedule === undefined ? {} : { schedule: nextTicks(rule.schedule, batch.receivedAt) }),
    };
    if (!matched) return { ...base, gates: [], target: null, steps: [] };
    return { ...base, ...explainMatch(rule, alert, batch, rules, settings) };
  });
}

/** What would happen now, on a daemon where nothing else has happened yet. */
function explainMatch(
  rule: Rule,
  alert: AlertMessage,
  batch: AlertBatch,
  rules: RuleSet,
  settings: Settings,
): Pick<ExplainedRule, 'gates' | 'target' | 'steps'> {
  const match = matchRule(rule, alert, batch, batch.receivedAt);
  const target = match.target === undefined ? null : 'value' in match.target ? match.target.value : null;
  if (target === null) {
    const reason = match.target !== undefined && 'missing' in match.target ? match.target.missing : 'the rule only tells people';
    const gates = match.target === undefined ? [] : [{ gate: 'target', verdict: 'suppress', reason: `missing_value: ${reason}` }];
    return { gates, target, steps: [] };
  }
  const context: DecisionContext = {
    now: batch.receivedAt,
    rules,
    limits: settings.limits,
    claimedRule: () => rule,
    newToken: () => '',
    defaultChannel: undefined,
    slackIdOf: () => undefined,
    newId: (kind) => kind,
    random: () => 0,
  };
  const world = new World({ switches: UNSET_SWITCHES });
  const line: Line = { ...emptyLine(rule, target, batch.receivedAt), severityRank: match.severity.rank };
  const created = createRun(world, line, rule, { trigger: 'alert', actor: null }, context);
  const run: Run = {
    ...created,
    frozen: {
      alerts: [
        {
          status: alert.status,
          labels: alert.labels,
          annotations: alert.annotations,
          fingerprint: alert.fingerprint,
          starts_at: alert.startsAt,
        },
      ],
      group: match.groupLabels,
      severity: match.severity.name,
      incidentStatus: 'triggered',
      incidentStartedAt: batch.receivedAt,
    },
  };
  const judged = judgeGates({ run, rule, incident: undefined }, world, context).map(({ gate, verdict }) => ({
    gate: gate.name,
    verdict: verdict.verdict,
    reason: verdict.detail,
  }));
  const { gate, verdict, detail } = approvalVerdict(rule);
  const gates = [...judged, { gate, verdict, reason: detail }];
  return { gates, target, steps: previewSteps(rule, scopeOfRun(run, batch.receivedAt)) };
}

function emptyLine(rule: Rule, target: string, now: number): Line {
  return {
    id: 'line',
    incidentId: 'incident',
    rule: rule.name,
    target,
    episode: 1,
    firing: 1,
    firingSince: now,
    resolvedAt: null,
    closedBy: null,
    severityRank: 0,
    runId: null,
    watchUntil: null,
  };
}

function formatExplanation(alert: AlertMessage, rules: readonly ExplainedRule[]): string {
  const labels = Object.entries(alert.labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const lines = [`alert ${printable(labels.join(' '))}`];
  for (const rule of rules) {
    const ticks = rule.schedule === undefined ? [] : [`         schedule ${formatTicks(rule.schedule)}`];
    if (!rule.matched) {
      lines.push(
        `  no   ${rule.name}: ${rule.failed_matcher === null ? 'not triggered by alerts' : `fails ${printable(rule.failed_matcher)}`}`,
        ...ticks,
      );
      continue;
    }
    lines.push(
      `  ${rule.takes ? 'YES' : 'yes'}  ${rule.name}${rule.takes ? '' : ': matches, but a rule before it takes the alert'}${rule.target === null ? '' : `: target ${printable(rule.target)}`}`,
    );
    lines.push(...ticks);
    for (const gate of rule.gates)
      lines.push(
        `         gate ${gate.gate.padEnd(14)} ${gate.verdict}${gate.reason === '' ? '' : `: ${printable(gate.reason)}`}`,
      );
    for (const step of rule.steps)
      lines.push(`         step ${step.id.padEnd(14)} ${step.uses} ${printable(JSON.stringify(step.with))}`);
  }
  return lines.join('\n');
}
