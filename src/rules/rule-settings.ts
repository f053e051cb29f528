import type { ConnectionKind } from '../domain/connection.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import type { AnyRemediation } from '../domain/remediation.ts';
import type { ApprovalSpec } from '../domain/rule.ts';
import type { Settings, SeveritySetting } from '../domain/settings.ts';
import type { TimeInterval } from '../domain/time-interval.ts';
import { ConfiguredConnections } from './configured-connections.ts';
import type { ConnectionNames } from './configured-connections.ts';

/** One level of a scale of severities: the first whose matchers match an alert is its severity. */
export type SeverityDefinition = Pick<SeveritySetting, 'name' | 'matchers' | 'escalationPolicy'>;

/** A named time interval: as written, for snapshots, and compiled. */
export interface IntervalDefinition {
  readonly name: string;
  readonly definition: Json;
  readonly intervals: readonly TimeInterval[];
}

/** What rules may refer to outside of their files. Sets that are absent are not checked. */
export interface RuleSettings {
  readonly remediations: ReadonlyMap<string, AnyRemediation>;
  readonly connections: ConnectionNames;
  readonly vars: JsonObject;
  readonly severities: readonly SeverityDefinition[];
  readonly escalationPolicies?: ReadonlySet<string>;
  readonly timeIntervals: ReadonlyMap<string, IntervalDefinition>;
  readonly roles?: ReadonlySet<string>;
  /** Who is asked when neither step nor rule says so. */
  readonly approval: ApprovalSpec;
}

/** What rules may refer to, from the configuration. */
export function createRuleSettings(settings: Settings, remediations: ReadonlyMap<string, AnyRemediation>): RuleSettings {
  const intervals = [...settings.timeIntervals].map(([name, { definition, interval }]) => {
    return [name, { name, definition, intervals: [interval] }] as const;
  });
  return {
    remediations,
    connections: new ConfiguredConnections(kindsByName(settings)),
    vars: settings.vars,
    severities: settings.severities,
    escalationPolicies: new Set(settings.escalationPolicies.keys()),
    timeIntervals: new Map(intervals),
    roles: new Set(settings.roles.keys()),
    approval: settings.approval,
  };
}

function kindsByName({ connections }: Settings): ReadonlyMap<string, ReadonlySet<ConnectionKind>> {
  const kinds = new Map<string, Set<ConnectionKind>>();
  for (const { kind, name } of connections) kinds.set(name, (kinds.get(name) ?? new Set()).add(kind));
  return kinds;
}
