import type { AnyRemediation } from '../../domain/remediation.ts';

/** Every remediation for Prometheus. */
export const prometheusRemediations: readonly AnyRemediation[] = [];
