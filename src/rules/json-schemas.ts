import { z } from 'zod';
import { ruleFileSchema } from './rule-file-schema.ts';
import { testsFileSchema } from './tests-file-schema.ts';

/** The JSON Schema (draft 7) of rule files, for completion in editors. */
export function rulesJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(ruleFileSchema, { target: 'draft-7', io: 'input' });
}

/** The JSON Schema (draft 7) of files of rule tests. */
export function testsJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(testsFileSchema, { target: 'draft-7', io: 'input' });
}
