import { z } from 'zod';
import type { Json } from '../domain/json.ts';

/** Any plain data. */
export const jsonValue: z.ZodType<Json, Json> = z.json();
