import type { AnyRemediation } from '../../domain/remediation.ts';
import { deleteOlder } from './delete-older.ts';
import { diskUsage } from './disk-usage.ts';
import { newest } from './newest.ts';

/** Every remediation for files of this machine. */
export const filesRemediations: readonly AnyRemediation[] = [newest, diskUsage, deleteOlder];
