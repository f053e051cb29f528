import type { AnyRemediation } from '../../domain/remediation.ts';
import { execRun } from './exec-run.ts';

/** What can be done with programs of this machine. */
export const execRemediations: readonly AnyRemediation[] = [execRun];
