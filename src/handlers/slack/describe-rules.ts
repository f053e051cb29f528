import type { ParameterSpecs } from '../../domain/parameter.ts';
import type { Rule } from '../../domain/rule.ts';
import type { Actor } from '../../pipeline/event.ts';
import { shorten } from './answer-text.ts';

/** Whether this person may start the rule by hand. */
function mayStart({ manual }: Rule, { role, roles }: Actor): boolean {
  if (manual === undefined || role === 'viewer') return false;
  return manual.roles.length === 0 || manual.roles.some((name) => roles.includes(name));
}

/** The rules that this person may start by hand, with what each takes. */
export function describeManualRules(rules: readonly Rule[], actor: Actor): string {
  const startable = rules.filter((rule) => mayStart(rule, actor));
  if (startable.length === 0) return `there is no rule that ${actor.person} may start by hand`;
  return startable
    .map(({ name, params, description }) => `run ${name}${describeParams(params)}: ${shorten(description, 120)}`)
    .join('\n');
}

/** ` name=TYPE`, in brackets where it may be left out. */
function describeParams(params: ParameterSpecs): string {
  return Object.entries(params)
    .map(([name, { type, required, default: preset, enum: choices }]) => {
      const value = choices === undefined ? type : choices.map(String).join('|');
      const given = preset === undefined ? `${name}=${value}` : `${name}=${value}, else ${JSON.stringify(preset)}`;
      return required === true && preset === undefined ? ` ${given}` : ` [${given}]`;
    })
    .join('');
}
