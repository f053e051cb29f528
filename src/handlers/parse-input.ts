import type { ZodType } from 'zod';
import { ApiError } from './api-error.ts';

/** What came from outside, as the schema says; or an `ApiError` 400 that says where it is not so. */
export function parseInput<T>(schema: ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.length === 0 ? '' : `${path.join('.')}: `}${message}`);
  throw new ApiError(400, 'invalid', problems.slice(0, 5).join('; '));
}
