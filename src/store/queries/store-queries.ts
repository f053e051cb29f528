import { createApprovalQueries } from './approval-queries.ts';
import type { ApprovalQueries } from './approval-queries.ts';
import { createAuditQueries } from './audit-queries.ts';
import type { AuditQueries } from './audit-queries.ts';
import { createClaimQueries } from './claim-queries.ts';
import type { ClaimQueries } from './claim-queries.ts';
import { createDaemonQueries } from './daemon-queries.ts';
import type { DaemonQueries } from './daemon-queries.ts';
import { createEpisodeQueries } from './episode-queries.ts';
import type { EpisodeQueries } from './episode-queries.ts';
import { createIncidentQueries } from './incident-queries.ts';
import type { IncidentQueries } from './incident-queries.ts';
import { createNotificationQueries } from './notification-queries.ts';
import type { NotificationQueries } from './notification-queries.ts';
import { createPruneQueries } from './prune-queries.ts';
import type { PruneQueries } from './prune-queries.ts';
import { createReportQueries } from './report-queries.ts';
import type { ReportQueries } from './report-queries.ts';
import { createRunQueries } from './run-queries.ts';
import type { RunQueries } from './run-queries.ts';
import { createScheduleQueries } from './schedule-queries.ts';
import type { ScheduleQueries } from './schedule-queries.ts';
import type { StoreDialect } from './store-dialect.ts';
import { createWakeQueries } from './wake-queries.ts';
import type { WakeQueries } from './wake-queries.ts';
import { createWriters } from './writers.ts';
import type { Writers } from './writers.ts';

/** Everything that a store asks and writes. */
export interface StoreQueries {
  readonly dialect: StoreDialect;
  readonly episodes: EpisodeQueries;
  readonly incidents: IncidentQueries;
  readonly reports: ReportQueries;
  readonly runs: RunQueries;
  readonly claims: ClaimQueries;
  readonly daemon: DaemonQueries;
  readonly approvals: ApprovalQueries;
  readonly notifications: NotificationQueries;
  readonly schedules: ScheduleQueries;
  readonly audit: AuditQueries;
  readonly wake: WakeQueries;
  readonly prune: PruneQueries;
  readonly write: Writers;
}

/** Compiles all of it for a backend, once. */
export function createStoreQueries(dialect: StoreDialect): StoreQueries {
  return {
    dialect,
    episodes: createEpisodeQueries(dialect),
    incidents: createIncidentQueries(dialect),
    reports: createReportQueries(dialect),
    runs: createRunQueries(dialect),
    claims: createClaimQueries(dialect),
    daemon: createDaemonQueries(dialect),
    approvals: createApprovalQueries(dialect),
    notifications: createNotificationQueries(dialect),
    schedules: createScheduleQueries(dialect),
    audit: createAuditQueries(dialect),
    wake: createWakeQueries(dialect),
    prune: createPruneQueries(dialect),
    write: createWriters(dialect),
  };
}
