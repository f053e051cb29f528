import type { ConnectionKind } from '../domain/connection.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import type { AnyRemediation } from '../domain/remediation.ts';
import type { ApprovalSpec } from '../domain/rule.ts';
import type { EscalationRung } from '../domain/response.ts';
import type { Person, Role, Settings, SeveritySetting } from '../domain/settings.ts';
import type { TimeInterval } from '../domain/time-interval.ts';
import { ConfiguredConnections } from './configured-connections.ts';
import type { ConnectionNames } from './configured-connections.ts';

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
  readonly severities: readonly SeveritySetting[];
  readonly escalationPolicies?: ReadonlyMap<string, readonly EscalationRung[]>;
  readonly timeIntervals: ReadonlyMap<string, IntervalDefinition>;
  /** There is no configuration that could name intervals: unknown ones are left out. */
  readonly isUnconfigured?: true;
  readonly roles?: ReadonlyMap<string, Role>;
  readonly people?: ReadonlyMap<string, Person>;
  /** The services that can be paged; `log` when none is configured, and pages go to the log. Looked at where policies are known. */
  readonly pagerduty?: ReadonlySet<string> | 'log';
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
    escalationPolicies: settings.escalationPolicies,
    timeIntervals: new Map(intervals),
    roles: settings.roles,
    people: settings.people,
    pagerduty: settings.pagerduty === undefined ? 'log' : new Set(settings.pagerduty.services.keys()),
    approval: settings.approval,
  };
}

function kindsByName({ connections }: Settings): ReadonlyMap<string, ReadonlySet<ConnectionKind>> {
  const kinds = new Map<string, Set<ConnectionKind>>();
  for (const { kind, name } of connections) kinds.set(name, (kinds.get(name) ?? new Set()).add(kind));
  return kinds;
}
