import type { AnyRemediation } from '../../domain/remediation.ts';

/** Every remediation for files of this machine. */
export const filesRemediations: readonly AnyRemediation[] = [];
