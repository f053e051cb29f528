import type { AnyRemediation } from '../../domain/remediation.ts';

/** Every remediation for Elasticsearch. */
export const elasticsearchRemediations: readonly AnyRemediation[] = [];
