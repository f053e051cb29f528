import type { Json, JsonObject } from '../domain/json.ts';
import { ParameterError, parseParameters, type ParameterSpecs } from '../domain/parameter.ts';
import { matchesPattern } from '../domain/pattern.ts';
import type { Rule } from '../domain/rule.ts';

const NONE: JsonObject = Object.freeze({});

/** What a rule's parameters are where nobody gives any: for alerts and by the clock. Loading a rule checks that there is enough. */
export function defaultParams({ params }: Pick<Rule, 'params'>): JsonObject {
  if (Object.keys(params).length === 0) return NONE;
  try {
    return parseParameters(params, {}, matchesPattern);
  } catch (error) {
    // What has no value is `missing_value` where an expression asks for it.
    if (error instanceof ParameterError) return NONE;
    throw error;
  }
}

/**
 * What a person gave for them, checked, with the defaults of the others; throws `ParameterError`. On a command line every value is a
 * text, so that a list may be written `a,b` and a list or a mapping as JSON.
 */
export function givenParams(specs: ParameterSpecs, given: JsonObject): JsonObject {
  const values = Object.entries(given).map(([name, value]): [string, Json] => {
    const type = Object.hasOwn(specs, name) ? specs[name]?.type : undefined;
    return [name, typeof value === 'string' && (type === 'list' || type === 'map') ? readText(type, value) : value];
  });
  // Not by assignment, which would take a parameter `__proto__` for something else.
  return parseParameters(specs, Object.fromEntries(values), matchesPattern);
}

function readText(type: 'list' | 'map', text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return type === 'list' ? text.split(',').map((entry) => entry.trim()) : text;
  }
}
