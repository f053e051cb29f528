import { z } from 'zod';
import { configSchema } from './schema.ts';

/** The JSON Schema (draft 7) of `remedyd.yml`, for completion in editors. */
export function configJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(configSchema, { target: 'draft-7', io: 'input' });
}
