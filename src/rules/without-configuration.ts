import type { RuleSettings } from './rule-settings.ts';

/** For rule files without a configuration: what only a configuration could name is taken as given. */
export function withoutConfiguration({ escalationPolicies: _policies, roles: _roles, ...settings }: RuleSettings): RuleSettings {
  const connections = { faultOf: () => undefined, onlyOne: (kind: string) => kind, hasAny: () => true };
  return { ...settings, connections, isUnconfigured: true };
}
