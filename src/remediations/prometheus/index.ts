import type { AnyRemediation } from '../../domain/remediation.ts';
import { query } from './query.ts';

/** Every remediation for Prometheus. */
export const prometheusRemediations: readonly AnyRemediation[] = [query];
