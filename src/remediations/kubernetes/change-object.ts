import { z } from 'zod';
import type { JsonObject } from '../../domain/json.ts';
import { StepError } from '../../domain/remediation.ts';
import { callApi } from './call-api.ts';
import type { KubernetesApi } from './connect-kubernetes.ts';
import type { Metadata } from './object-metadata.ts';
import type { Resource } from './resource.ts';

/** Controllers write the status of a busy object several times a second, and each write is a new version. */
const MOST_TRIES = 5;

/**
 * Patches an object as it was read a moment before: `prepare` gets what is there now, throws if it is not what was planned, and
 * returns the patch. The patch holds for that version only; when somebody wrote in between, the object is read and checked again.
 */
export async function changeObject<T extends { readonly metadata: Metadata }>(
  api: KubernetesApi,
  resource: Resource,
  schema: z.ZodType<T>,
  prepare: (current: T) => JsonObject,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const current = await callApi(api, { verb: 'get', resource }, schema);
    const { metadata = {}, ...rest } = prepare(current);
    const guard = { uid: current.metadata.uid, resourceVersion: current.metadata.resourceVersion };
    const body = { metadata: { ...z.record(z.string(), z.json()).parse(metadata), ...guard }, ...rest };
    try {
      return await callApi(api, { verb: 'patch', resource, body }, schema);
    } catch (error) {
      const isConflict = error instanceof StepError && error.code === 'precondition_failed';
      if (!isConflict || tries === MOST_TRIES) throw error;
    }
  }
}

/** The object is not what was planned; nothing was done. */
export function changedSince(what: string, how: string): StepError {
  return new StepError('precondition_failed', `${what} ${how} since the plan was made; nothing was done`, {
    happened: 'nothing',
  });
}
