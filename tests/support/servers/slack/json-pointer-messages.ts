import type * as z from 'zod';

/** The faults of a value as Slack lists them in `response_metadata.messages`. */
export function jsonPointerMessages(root: string, error: z.ZodError): readonly string[] {
  return error.issues.map(({ message, path }) => `[ERROR] ${message} [json-pointer:/${[root, ...path].join('/')}]`);
}
