import type { AnyRemediation } from '../../domain/remediation.ts';

/** Every remediation for Kubernetes. */
export const kubernetesRemediations: readonly AnyRemediation[] = [];
