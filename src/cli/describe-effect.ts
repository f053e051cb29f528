import type { Json } from '../domain/json.ts';
import type { AnyRemediation, Effect } from '../domain/remediation.ts';

/** The effects that a remediation may have, in a few words: `read or change`. */
export function effectsOf(remediation: AnyRemediation): string {
  const deciding = findDecidingParameter(remediation);
  return deciding === undefined ? remediation.effect({}) : [...deciding.byEffect.keys()].join(' or ');
}

/** The effect, and where a parameter decides it, for which values: `read (method GET, HEAD), change (method POST, …)`. */
export function describeEffect(remediation: AnyRemediation): string {
  const deciding = findDecidingParameter(remediation);
  if (deciding === undefined) return remediation.effect({});
  return [...deciding.byEffect]
    .map(([effect, values]) => `${effect} (${deciding.name} ${values.map(formatWord).join(', ')})`)
    .join(', ');
}

interface DecidingParameter {
  readonly name: string;
  readonly byEffect: ReadonlyMap<Effect, readonly Json[]>;
}

function findDecidingParameter(remediation: AnyRemediation): DecidingParameter | undefined {
  return Object.entries(remediation.params)
    .map(([name, { enum: values = [] }]) => ({
      name,
      byEffect: Map.groupBy(values, (value) => remediation.effect({ [name]: value })),
    }))
    .find(({ byEffect }) => byEffect.size > 1);
}

/** A value of an enum, as it is written in a rule. */
export function formatWord(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
