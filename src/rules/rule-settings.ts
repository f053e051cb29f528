import type { ConnectionKind } from '../domain/connection.ts';
import type { JsonObject } from '../domain/json.ts';
import type { AnyRemediation } from '../domain/remediation.ts';
import type { ApprovalSpec } from '../domain/rule.ts';

/** One level of a scale of severities: the first whose matchers match an alert is its severity. */
export interface SeverityDefinition {
  readonly name: string;
  readonly matchers: readonly string[];
  readonly escalationPolicy?: string;
}

/** A named time interval: as data for snapshots, and compiled. */
export interface NamedInterval {
  readonly definition: JsonObject;
  /** Whether an instant (epoch ms) lies inside. */
  contains(at: number): boolean;
}

/** The connections that are configured. The same name may exist for several kinds. */
export interface ConnectionNames {
  /** Why a name cannot be used for a kind; `undefined` when it can. */
  faultOf(kind: ConnectionKind, name: string): string | undefined;
  /** The only connection of a kind. */
  onlyOne(kind: ConnectionKind): string | undefined;
}

/** What rules may refer to outside of their files. Sets that are absent are not checked. */
export interface RuleSettings {
  readonly remediations: ReadonlyMap<string, AnyRemediation>;
  readonly connections: ConnectionNames;
  readonly vars: JsonObject;
  readonly severities: readonly SeverityDefinition[];
  readonly escalationPolicies?: ReadonlySet<string>;
  readonly timeIntervals: ReadonlyMap<string, NamedInterval>;
  readonly roles?: ReadonlySet<string>;
  /** Who is asked when neither step nor rule says so. */
  readonly approval: ApprovalSpec;
}
