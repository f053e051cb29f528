import { z } from 'zod';

/** A `timestamptz` as outputs show it: ISO 8601, and null where the server has none. */
export const instant = z
  .date()
  .nullable()
  .transform((date) => date?.toISOString() ?? null);
