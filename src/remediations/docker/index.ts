import type { AnyRemediation } from '../../domain/remediation.ts';
import { containerLogs } from './container-logs.ts';
import { containerStats } from './container-stats.ts';
import { diskUsage } from './disk-usage.ts';
import { inspectContainer } from './inspect-container.ts';
import { killContainer } from './kill-container.ts';
import { prune } from './prune.ts';
import { restartContainer } from './restart-container.ts';
import { restartInOrder } from './restart-in-order.ts';
import { rollbackContainer } from './rollback-container.ts';
import { scaleService } from './scale-service.ts';
import { startContainer } from './start-container.ts';
import { stopContainer } from './stop-container.ts';
import { updateContainer } from './update-container.ts';

/** What can be done with a Docker engine. */
export const dockerRemediations: readonly AnyRemediation[] = [
  containerLogs,
  containerStats,
  diskUsage,
  inspectContainer,
  killContainer,
  prune,
  restartContainer,
  restartInOrder,
  rollbackContainer,
  scaleService,
  startContainer,
  stopContainer,
  updateContainer,
];
