import type { DefaultsDefinition, RuleDefinition } from './rule-file-schema.ts';

/** A rule with its file's `defaults`: the rule's own key wins, `safety`, `fields` and `customer_messages` merge key by key. */
export function mergeDefaults(
  rule: RuleDefinition,
  defaults: Omit<DefaultsDefinition, 'connection'> | undefined,
): RuleDefinition {
  if (defaults === undefined) return rule;
  return {
    ...defaults,
    ...rule,
    ...(defaults.safety === undefined ? {} : { safety: { ...defaults.safety, ...rule.safety } }),
    ...(defaults.customer_messages === undefined
      ? {}
      : { customer_messages: { ...defaults.customer_messages, ...rule.customer_messages } }),
    ...(defaults.fields === undefined ? {} : { fields: { ...defaults.fields, ...rule.fields } }),
  };
}
