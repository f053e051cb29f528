import type { z } from 'zod';

type Schema = z.core.$ZodType;

/** The schemas that may hold at a path below a schema, through unions, records, lists and everything that wraps. */
export function schemasAt(schema: Schema, path: readonly PropertyKey[]): readonly Schema[] {
  let schemas = unwrap(schema);
  for (const key of path) schemas = schemas.flatMap((parent) => childOf(parent, key)).flatMap(unwrap);
  return schemas;
}

/** The keys that a mapping may have at a path below a schema. */
export function keysAt(schema: Schema, path: readonly PropertyKey[]): readonly string[] {
  const keys = schemasAt(schema, path).flatMap((found) => {
    const { def } = asKnown(found)._zod;
    return def.type === 'object' ? Object.keys(def.shape) : [];
  });
  return [...new Set(keys)];
}

function childOf(schema: Schema, key: PropertyKey): readonly Schema[] {
  const { def } = asKnown(schema)._zod;
  switch (def.type) {
    case 'object': {
      const child = Object.hasOwn(def.shape, key) ? def.shape[String(key)] : undefined;
      return child === undefined ? [] : [child];
    }
    case 'array':
      return [def.element];
    case 'record':
      return [def.valueType];
    case 'tuple': {
      const item = def.items[Number(key)] ?? def.rest;
      return item === null ? [] : [item];
    }
    default:
      return [];
  }
}

/** What a schema checks once everything that only wraps is taken off; the options of a union. */
function unwrap(schema: Schema): readonly Schema[] {
  const { def } = asKnown(schema)._zod;
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'readonly':
    case 'nonoptional':
    case 'catch':
      return unwrap(def.innerType);
    case 'lazy':
      return unwrap(def.getter());
    case 'pipe':
      return unwrap(def.in);
    case 'union':
      return def.options.flatMap(unwrap);
    case 'intersection':
      return [...unwrap(def.left), ...unwrap(def.right)];
    default:
      return [schema];
  }
}

/** zod's own list of its schema types: tells them apart by `def.type`. */
function asKnown(schema: Schema): z.core.$ZodTypes {
  return schema as z.core.$ZodTypes;
}
