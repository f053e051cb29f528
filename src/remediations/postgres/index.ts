import type { AnyRemediation } from '../../domain/remediation.ts';
import { connectionStats } from './connection-stats.ts';
import { ping } from './ping.ts';
import { terminateIdleConnections } from './terminate-idle-connections.ts';

/** What can be done to a PostgreSQL server. */
export const postgresRemediations: readonly AnyRemediation[] = [connectionStats, ping, terminateIdleConnections];
