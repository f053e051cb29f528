import { z } from 'zod';
import { jsonValue } from '../schema/json-value.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import type { AnyRemediation } from '../domain/remediation.ts';
import type { Rule } from '../domain/rule.ts';
import { NotifyCheck } from '../schema/notify-check.ts';
import { timeIntervalSchema } from '../schema/time-interval-schema.ts';
import { compileRule } from './compile-rule.ts';
import type { ConnectionNames } from './configured-connections.ts';
import { Digester } from './digest.ts';
import { ExpressionCompiler } from './expression-compiler.ts';
import { PlaybookLibrary } from './playbook-library.ts';
import type { ReportProblem } from './report-problem.ts';
import { playbookSchema, ruleSchema } from './rule-file-schema.ts';
import { policyDataSchema, severityDataSchema } from './response-data.ts';
import { ResponsePlans } from './response-plans.ts';
import type { IntervalDefinition, RuleSettings } from './rule-settings.ts';
import { SeverityScale } from './severity-scale.ts';

const snapshotSchema = z.strictObject({
  file: z.string(),
  rule: ruleSchema,
  playbooks: z.record(z.string(), playbookSchema),
  severities: z.array(severityDataSchema),
  escalation_policies: z.record(z.string(), policyDataSchema).optional(),
  time_intervals: z.record(z.string(), jsonValue),
  vars: z.record(z.string(), jsonValue),
  approval: z.strictObject({
    roles: z.array(z.string()),
    count: z.int(),
    timeout_ms: z.number(),
    on_timeout: z.enum(['escalate', 'cancel']),
  }),
});

/** A stored rule that cannot be compiled any more, for example because a remediation is gone. */
export class SnapshotError extends Error {
  readonly code = 'invalid_snapshot';
}

// Its connections were checked when the rule was loaded, and are looked up again when a step needs one. A rule that only
// watches may have been loaded without some.
const STORED_CONNECTIONS: ConnectionNames = { faultOf: () => undefined, onlyOne: () => undefined, hasAny: () => false };

/** The rule of a snapshot, equal to the one it was made from; throws `SnapshotError`. */
export function compileSnapshot(
  snapshot: JsonObject,
  { remediations }: { readonly remediations: ReadonlyMap<string, AnyRemediation> },
): Rule {
  const parsed = snapshotSchema.safeParse(snapshot);
  if (!parsed.success) throw new SnapshotError(`not a stored rule: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`);
  const { data } = parsed;
  const faults: string[] = [];
  const report: ReportProblem = (path, message, options) => {
    if (options?.severity !== 'warning') faults.push(`${path.join('.')}: ${message}`);
  };
  const settings: RuleSettings = {
    remediations,
    connections: STORED_CONNECTIONS,
    vars: data.vars,
    severities: data.severities,
    timeIntervals: new Map(Object.entries(data.time_intervals).map(([name, each]) => [name, compileInterval(name, each)])),
    approval: {
      roles: data.approval.roles,
      count: data.approval.count,
      timeoutMs: data.approval.timeout_ms,
      onTimeout: data.approval.on_timeout,
    },
  };
  const compiler = new ExpressionCompiler(settings.vars);
  const entries = Object.entries(data.playbooks).map(
    ([name, definition]) => [name, { definition, path: ['playbooks', name], report }] as const,
  );
  const playbooks = new PlaybookLibrary(new Map(entries), { settings, compiler });
  const severities = new SeverityScale(settings.severities);
  const policies = new Map(Object.entries(data.escalation_policies ?? {}));
  const context = {
    settings,
    compiler,
    playbooks,
    report,
    approval: settings.approval,
    file: data.file,
    severities,
    plans: new ResponsePlans(severities, policies, settings.timeIntervals),
    notifyCheck: new NotifyCheck({}),
    digester: new Digester(),
  };
  const { rule } = compileRule(data.rule, context, ['rule']);
  compiler.releaseMemory();
  if (faults.length > 0) throw new SnapshotError(`the stored rule '${rule.name}' cannot be used any more: ${faults.join('; ')}`);
  return rule;
}

function compileInterval(name: string, definition: Json): IntervalDefinition {
  const parsed = timeIntervalSchema.safeParse(definition);
  if (!parsed.success) throw new SnapshotError(`not a stored time interval: '${name}'`);
  return { name, definition, intervals: parsed.data.intervals };
}
