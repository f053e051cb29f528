import type { AnyRemediation } from '../domain/remediation.ts';
import { controlRemediations } from './control/index.ts';
import { dockerRemediations } from './docker/index.ts';
import { execRemediations } from './exec/index.ts';
import { httpRemediations } from './http/index.ts';
import { postgresRemediations } from './postgres/index.ts';
import { redisRemediations } from './redis/index.ts';

/** Every remediation by its name, in the order of the catalogue. */
export const remediations: ReadonlyMap<string, AnyRemediation> = new Map(
  [
    ...postgresRemediations,
    ...redisRemediations,
    ...dockerRemediations,
    ...httpRemediations,
    ...execRemediations,
    ...controlRemediations,
  ].map((remediation) => [remediation.name, remediation]),
);

/** The remediation that a step `uses`; `undefined` for any other name. */
export function getRemediation(name: string): AnyRemediation | undefined {
  return remediations.get(name);
}
