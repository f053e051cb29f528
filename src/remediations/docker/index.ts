import type { AnyRemediation } from '../../domain/remediation.ts';
import { containerLogs } from './container-logs.ts';
import { containerStats } from './container-stats.ts';
import { inspectContainer } from './inspect-container.ts';
import { restartContainer } from './restart-container.ts';

/** What can be done with a Docker engine. */
export const dockerRemediations: readonly AnyRemediation[] = [containerLogs, containerStats, inspectContainer, restartContainer];
