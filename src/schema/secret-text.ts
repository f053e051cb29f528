import { z } from 'zod';
import { Secret } from '../domain/secret.ts';

const secretSchemas = new WeakSet<z.core.$ZodType>();

/** A secret: not empty, and from then on a `Secret`. A number is taken as its digits. Problems about it never quote it. */
export function secretText(): z.ZodType<Secret, string | number> {
  const input = z.union([z.string(), z.number()], { error: 'expected a text' });
  for (const option of input.options) secretSchemas.add(option);
  return input.transform((given, context) => {
    const text = String(given);
    if (text.trim() !== '') return new Secret(text);
    context.addIssue({ code: 'custom', message: 'the secret is empty; give it a value, or remove the key' });
    return z.NEVER;
  });
}

/** A secret in its two forms: `KEY`, or `KEY_file` with the path of a file that holds it. */
export function secretKeys<K extends string>(
  key: K,
): Record<K, z.ZodOptional<z.ZodType<Secret, string | number>>> & Record<`${K}_file`, z.ZodOptional<z.ZodString>> {
  const keys = { [key]: secretText().optional(), [`${key}_file`]: z.string().min(1).optional() };
  return keys as ReturnType<typeof secretKeys<K>>;
}

/** Whether a schema (with its wrappers taken off) checks a secret. */
export function isSecretSchema(schema: z.core.$ZodType): boolean {
  return secretSchemas.has(schema);
}
