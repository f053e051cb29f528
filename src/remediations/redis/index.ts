import type { AnyRemediation } from '../../domain/remediation.ts';
import { deleteKeys } from './delete-keys.ts';
import { flushDb } from './flush-db.ts';
import { info } from './info.ts';
import { ping } from './ping.ts';

/** What can be done to a Redis server. */
export const redisRemediations: readonly AnyRemediation[] = [deleteKeys, flushDb, info, ping];
