import { sql } from 'kysely';
import type { ReportedIncident, ReportedRun } from '../../domain/reported.ts';
import { OUTCOMES, SUCCEEDED } from '../../domain/reason.ts';
import { TRIGGERS } from '../../domain/state.ts';
import { cellAt, flag, integer, nullable, text, word } from '../column.ts';
import { prepareQuery } from './prepared-query.ts';
import type { PreparedQuery } from './prepared-query.ts';
import type { StoreDialect } from './store-dialect.ts';

/** A page of a window: what comes after the entry with this instant and id. */
interface PageOfWindow {
  readonly since: number;
  readonly until: number;
  readonly afterAt: number;
  readonly afterId: string;
  readonly limit: number;
}

/** What a report is made of: the runs that ended in a window, and the incidents that began in it. Oldest first. */
export interface ReportQueries {
  readonly runs: PreparedQuery<PageOfWindow, Omit<ReportedRun, 'heldFor'>>;
  readonly incidents: PreparedQuery<PageOfWindow, ReportedIncident>;
  /** The gates that held these runs at any time. */
  readonly holds: PreparedQuery<{ readonly runIds: readonly string[] }, { readonly runId: string; readonly reason: string }>;
  /** When the rule's last run before this instant ended that succeeded. */
  readonly lastSuccess: PreparedQuery<{ readonly rule: string; readonly before: number }, number>;
}

const KINDS = { since: 'integer', until: 'integer', afterAt: 'integer', afterId: 'text', limit: 'integer' } as const;

const ACTED = sql<number>`case when exists (
  select 1 from "run" where "run"."incident_id" = "incident"."id" and "run"."acting_at" is not null) then 1 else 0 end`;

const VERIFIED = sql<number>`case when exists (
  select 1 from "run" where "run"."incident_id" = "incident"."id" and "run"."acting_at" is not null and "run"."outcome" = 'verified') then 1 else 0 end`;

const PAGED = sql<number>`case when exists (
  select 1 from "notification" where "notification"."incident_id" = "incident"."id"
  and "notification"."channel" = 'pagerduty' and "notification"."purpose" = 'page' and "notification"."told" is not null) then 1 else 0 end`;

export function createReportQueries({ builder, texts }: StoreDialect): ReportQueries {
  return {
    runs: prepareQuery(
      KINDS,
      ({ since, until, afterAt, afterId, limit }) =>
        builder
          .selectFrom('run')
          .select([
            'run.id',
            'run.rule',
            'run.target',
            'run.trigger',
            'run.outcome',
            'run.reason',
            'run.rung',
            'run.recurred',
            'run.acting_at',
            'run.ended_at',
          ])
          .where('run.ended_at', '>=', since)
          .where('run.ended_at', '<', until)
          .where('run.outcome', 'is not', null)
          .where(sql<boolean>`("run"."ended_at", "run"."id") > (${afterAt}, ${afterId})`)
          .orderBy('run.ended_at')
          .orderBy('run.id')
          .limit(limit),
      (row) => ({
        id: text.decode(cellAt(row, 0)),
        rule: text.decode(cellAt(row, 1)),
        target: text.decode(cellAt(row, 2)),
        trigger: word(TRIGGERS).decode(cellAt(row, 3)),
        outcome: word(OUTCOMES).decode(cellAt(row, 4)),
        reason: nullable(text).decode(cellAt(row, 5)),
        rung: integer.decode(cellAt(row, 6)),
        recurred: flag.decode(cellAt(row, 7)),
        acted: cellAt(row, 8) !== null,
        endedAt: integer.decode(cellAt(row, 9)),
      }),
    ),
    incidents: prepareQuery(
      KINDS,
      ({ since, until, afterAt, afterId, limit }) =>
        builder
          .selectFrom('incident')
          .select([
            'incident.id',
            'incident.rule',
            'incident.severity',
            'incident.started_at',
            'incident.acknowledged_at',
            'incident.resolved_at',
            'incident.closed_as',
          ])
          .select([ACTED.as('acted'), VERIFIED.as('verified'), PAGED.as('paged')])
          .where('incident.started_at', '>=', since)
          .where('incident.started_at', '<', until)
          .where(sql<boolean>`("incident"."started_at", "incident"."id") > (${afterAt}, ${afterId})`)
          .orderBy('incident.started_at')
          .orderBy('incident.id')
          .limit(limit),
      (row) => ({
        id: text.decode(cellAt(row, 0)),
        rule: text.decode(cellAt(row, 1)),
        severity: text.decode(cellAt(row, 2)),
        startedAt: integer.decode(cellAt(row, 3)),
        acknowledgedAt: nullable(integer).decode(cellAt(row, 4)),
        resolvedAt: nullable(integer).decode(cellAt(row, 5)),
        isFixed: cellAt(row, 6) === 'resolved',
        acted: flag.decode(cellAt(row, 7)),
        verified: flag.decode(cellAt(row, 8)),
        paged: flag.decode(cellAt(row, 9)),
      }),
    ),
    holds: prepareQuery(
      { runIds: 'texts' },
      ({ runIds }) =>
        builder
          .selectFrom('timeline')
          .select(['run_id', 'reason'])
          .distinct()
          .where('run_id', 'in', texts(runIds))
          .where('kind', '=', 'run_held')
          .where('reason', 'is not', null),
      (row) => ({ runId: text.decode(cellAt(row, 0)), reason: text.decode(cellAt(row, 1)) }),
    ),
    lastSuccess: prepareQuery(
      { rule: 'text', before: 'integer' },
      ({ rule, before }) =>
        builder
          .selectFrom('run')
          .select('ended_at')
          .where('rule', '=', rule)
          .where('ended_at', '<', before)
          .where('outcome', 'in', SUCCEEDED)
          .orderBy('ended_at', 'desc')
          .limit(1),
      (row) => integer.decode(cellAt(row, 0)),
    ),
  };
}
