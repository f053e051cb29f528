import type { Json, JsonObject } from '../domain/json.ts';
import type { ApprovalSpec } from '../domain/rule.ts';
import type { CompiledPlaybook } from './compile-context.ts';
import { sha256 } from './digest.ts';
import type { Digester } from './digest.ts';
import type { PlaybookDefinition, RuleDefinition } from './rule-file-schema.ts';
import type { IntervalDefinition } from './rule-settings.ts';
import type { SeverityScale } from './severity-scale.ts';

/** What a rule is made of: its definition with connections filled in, and everything that it refers to. */
export interface RuleParts {
  readonly file: string;
  readonly rule: RuleDefinition;
  /** Those that it uses, at any depth. */
  readonly playbooks: ReadonlyMap<string, PlaybookDefinition>;
  readonly severities: SeverityScale;
  /** The escalation policies that it may follow. */
  readonly policies: readonly (readonly [string, Json])[];
  readonly intervals: ReadonlyMap<string, IntervalDefinition>;
  readonly vars: JsonObject;
  readonly approval: ApprovalSpec;
}

/** A rule as plain data from which `compileSnapshot` makes an equal one, whatever the files say then. */
export function createSnapshot(parts: RuleParts): JsonObject {
  const { approval } = parts;
  return {
    file: parts.file,
    rule: toData(parts.rule),
    playbooks: Object.fromEntries([...parts.playbooks].map(([name, definition]) => [name, toData(definition)])),
    severities: parts.severities.data,
    ...(parts.policies.length === 0 ? {} : { escalation_policies: Object.fromEntries(parts.policies) }),
    time_intervals: Object.fromEntries([...parts.intervals].map(([name, interval]) => [name, interval.definition])),
    vars: parts.vars,
    approval: { roles: approval.roles, count: approval.count, timeout_ms: approval.timeoutMs, on_timeout: approval.onTimeout },
  };
}

/** Playbooks and all that they use, by name. */
export function collectPlaybooks(playbooks: readonly CompiledPlaybook[]): ReadonlyMap<string, PlaybookDefinition> {
  return new Map(playbooks.flatMap(({ playbook, definition, uses }) => [[playbook.name, definition] as const, ...uses]));
}

/** The definition as JSON: without keys that are undefined. */
function toData(definition: RuleDefinition | PlaybookDefinition): Json {
  return JSON.parse(JSON.stringify(definition)) as Json;
}

/** sha256 of everything that a rule is made of. */
export function digestParts(parts: RuleParts, digester: Digester): string {
  // The file's name is no part of it: a rule may move.
  const pieces = [
    digester.digest(parts.rule),
    ...[...parts.playbooks].map(([name, definition]) => `${name}:${digester.digest(definition)}`).sort(),
    digester.digest(parts.severities.data),
    ...parts.policies.map(([name, policy]) => `${name}:${digester.digest(policy)}`).sort(),
    ...[...parts.intervals].map(([name, { definition }]) => `${name}:${digester.digest(definition)}`).sort(),
    digester.digest(parts.vars),
    digester.digest(parts.approval),
  ];
  return sha256(pieces.join('\n'));
}
