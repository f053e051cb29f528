import type { Json, JsonObject } from '../domain/json.ts';
import type { ApprovalSpec } from '../domain/rule.ts';
import type { CompiledPlaybook } from './compile-context.ts';
import type { PlaybookDefinition, RuleDefinition } from './rule-file-schema.ts';
import type { IntervalDefinition } from './rule-settings.ts';
import type { SeverityScale } from './severity-scale.ts';

/** What a rule is made of: its definition with connections filled in, and everything that it refers to. */
export interface RuleParts {
  readonly file: string;
  readonly rule: RuleDefinition;
  /** Those that it uses itself. */
  readonly playbooks: readonly CompiledPlaybook[];
  readonly severities: SeverityScale;
  readonly intervals: ReadonlyMap<string, IntervalDefinition>;
  readonly vars: JsonObject;
  readonly approval: ApprovalSpec;
  findPlaybook(name: string): CompiledPlaybook | undefined;
}

/** A rule as plain data from which `compileSnapshot` makes an equal one, whatever the files say then. */
export function createSnapshot(parts: RuleParts): JsonObject {
  const { approval } = parts;
  return {
    file: parts.file,
    rule: toData(parts.rule),
    playbooks: Object.fromEntries([...collectPlaybooks(parts)].map(([name, definition]) => [name, toData(definition)])),
    severities: parts.severities.data,
    time_intervals: Object.fromEntries([...parts.intervals].map(([name, interval]) => [name, interval.definition])),
    vars: parts.vars,
    approval: { roles: approval.roles, count: approval.count, timeout_ms: approval.timeoutMs, on_timeout: approval.onTimeout },
  };
}

function collectPlaybooks(parts: RuleParts): ReadonlyMap<string, PlaybookDefinition> {
  const found = new Map<string, PlaybookDefinition>();
  for (const playbook of parts.playbooks) {
    found.set(playbook.playbook.name, playbook.definition);
    for (const name of playbook.uses) {
      const used = parts.findPlaybook(name);
      if (used !== undefined) found.set(name, used.definition);
    }
  }
  return found;
}

const dataOf = new WeakMap<object, Json>();

/** The definition without keys that are undefined: those are no JSON. */
function toData(definition: RuleDefinition | PlaybookDefinition): Json {
  const known = dataOf.get(definition);
  if (known !== undefined) return known;
  const data = JSON.parse(JSON.stringify(definition)) as Json;
  dataOf.set(definition, data);
  return data;
}
