import type { AnyRemediation } from '../../domain/remediation.ts';

/** Every remediation for Alertmanager. */
export const alertmanagerRemediations: readonly AnyRemediation[] = [];
