import type { AnyRemediation } from '../domain/remediation.ts';
import { alertmanagerRemediations } from './alertmanager/index.ts';
import { controlRemediations } from './control/index.ts';
import { dockerRemediations } from './docker/index.ts';
import { elasticsearchRemediations } from './elasticsearch/index.ts';
import { execRemediations } from './exec/index.ts';
import { filesRemediations } from './files/index.ts';
import { httpRemediations } from './http/index.ts';
import { kubernetesRemediations } from './kubernetes/index.ts';
import { postgresRemediations } from './postgres/index.ts';
import { prometheusRemediations } from './prometheus/index.ts';
import { redisRemediations } from './redis/index.ts';

/** Every remediation by its name, in the order of the catalogue. */
export const remediations: ReadonlyMap<string, AnyRemediation> = new Map(
  [
    ...postgresRemediations,
    ...redisRemediations,
    ...dockerRemediations,
    ...kubernetesRemediations,
    ...httpRemediations,
    ...filesRemediations,
    ...prometheusRemediations,
    ...alertmanagerRemediations,
    ...elasticsearchRemediations,
    ...execRemediations,
    ...controlRemediations,
  ].map((remediation) => [remediation.name, remediation]),
);

/** The remediation that a step `uses`; `undefined` for any other name. */
export function getRemediation(name: string): AnyRemediation | undefined {
  return remediations.get(name);
}
