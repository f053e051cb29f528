import type { AnyRemediation } from '../../domain/remediation.ts';
import { bigKeys } from './big-keys.ts';
import { deleteKeys } from './delete-keys.ts';
import { flushDb } from './flush-db.ts';
import { getConfig } from './get-config.ts';
import { info } from './info.ts';
import { killIdleClients } from './kill-idle-clients.ts';
import { memoryDoctor } from './memory-doctor.ts';
import { ping } from './ping.ts';
import { purgeMemory } from './purge-memory.ts';
import { saveRdb } from './save-rdb.ts';
import { setConfig } from './set-config.ts';
import { setEvictionPolicy } from './set-eviction-policy.ts';

/** What can be done to a Redis server. */
export const redisRemediations: readonly AnyRemediation[] = [
  bigKeys,
  deleteKeys,
  flushDb,
  getConfig,
  info,
  killIdleClients,
  memoryDoctor,
  ping,
  purgeMemory,
  saveRdb,
  setConfig,
  setEvictionPolicy,
];
