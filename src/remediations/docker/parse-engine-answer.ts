import type { z } from 'zod';
import { StepError } from '../../domain/remediation.ts';

/** An answer of the engine, checked against what we need of it; else `invalid_response`. */
export function parseEngineAnswer<T>(
  schema: z.ZodType<T>,
  answer: unknown,
  what: string,
  happened: 'nothing' | 'unknown' = 'nothing',
): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const fault = parsed.error.issues[0];
  const place = fault === undefined || fault.path.length === 0 ? 'the answer' : fault.path.join('.');
  throw new StepError(
    'invalid_response',
    `${what}: the engine's answer does not fit: ${place}: ${fault?.message ?? 'unreadable'}`,
    { happened },
  );
}
