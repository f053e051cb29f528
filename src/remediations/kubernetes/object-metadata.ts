import { z } from 'zod';

const texts = z.record(z.string(), z.string()).nullish();

/** What we use of an object's `metadata`. */
export const metadataSchema = z
  .object({
    name: z.string().min(1),
    uid: z.string().min(1),
    resourceVersion: z.string().min(1),
    generation: z.int().default(0),
    creationTimestamp: z.string().nullish(),
    deletionTimestamp: z.string().nullish(),
    labels: texts,
    annotations: texts,
    ownerReferences: z
      .array(z.object({ kind: z.string(), name: z.string(), uid: z.string(), controller: z.boolean().default(false) }))
      .nullish(),
  })
  .transform(({ ownerReferences, labels, annotations, ...rest }) => ({
    ...rest,
    labels: labels ?? {},
    annotations: annotations ?? {},
    /** What makes a new one when this one is deleted. */
    controller: ownerReferences?.find(({ controller }) => controller),
  }));

export type Metadata = z.infer<typeof metadataSchema>;

/** A list of objects that fit `item`. */
export function listOf<T>(
  item: z.ZodType<T>,
): z.ZodType<{ readonly items: T[]; readonly metadata: { readonly continue?: string | undefined } }> {
  return z.object({ items: z.array(item), metadata: z.object({ continue: z.string().optional() }).default({}) });
}

/** An instant of the API as ours; the year 1 when there is none. */
export function toInstant(text: string | null | undefined): string {
  const at = new Date(text ?? '0001-01-01T00:00:00.000Z');
  return Number.isNaN(at.getTime()) ? '0001-01-01T00:00:00.000Z' : at.toISOString();
}
