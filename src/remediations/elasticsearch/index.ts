import type { AnyRemediation } from '../../domain/remediation.ts';
import { deleteIndices } from './delete-indices.ts';
import { indices } from './indices.ts';

/** Every remediation for Elasticsearch. */
export const elasticsearchRemediations: readonly AnyRemediation[] = [indices, deleteIndices];
