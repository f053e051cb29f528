import type { AnyRemediation } from '../../domain/remediation.ts';
import { messagePost } from './message-post.ts';
import { reportPost } from './report-post.ts';
import { wait } from './wait.ts';

/** What a playbook can do without a target. */
export const controlRemediations: readonly AnyRemediation[] = [wait, messagePost, reportPost];
