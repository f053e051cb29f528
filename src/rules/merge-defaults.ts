import type { DefaultsDefinition, RuleDefinition } from './rule-file-schema.ts';

/** A rule with its file's `defaults`: the rule's own key wins, `safety` and `fields` merge key by key. */
export function mergeDefaults(
  rule: RuleDefinition,
  defaults: Omit<DefaultsDefinition, 'connection'> | undefined,
): RuleDefinition {
  if (defaults === undefined) return rule;
  return {
    ...defaults,
    ...rule,
    ...(defaults.safety === undefined ? {} : { safety: { ...defaults.safety, ...rule.safety } }),
    ...(defaults.fields === undefined ? {} : { fields: { ...defaults.fields, ...rule.fields } }),
  };
}
