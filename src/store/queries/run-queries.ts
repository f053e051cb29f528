import { sql } from 'kysely';
import { OUTCOMES } from '../../domain/reason.ts';
import { RUN_STATES, TRIGGERS } from '../../domain/state.ts';
import type { Run, RunBrief, StepRecord, StoredTimelineEntry } from '../../domain/state.ts';
import type { StoreCounts } from '../../domain/store.ts';
import { cellAt, flag, integer, nullable, text, word } from '../column.ts';
import { runs, steps } from '../rows.ts';
import { defineTable } from '../table.ts';
import { decodeId, decodeInstant } from './incident-queries.ts';
import { prepareQuery } from './prepared-query.ts';
import type { PreparedQuery } from './prepared-query.ts';
import type { StoreDialect } from './store-dialect.ts';
import { decodeStoredTimeline, STORED_TIMELINE } from './timeline-columns.ts';

const briefs = defineTable<RunBrief>()('run', ['id'], {
  id: text,
  rule: text,
  target: text,
  state: word(RUN_STATES),
  outcome: nullable(word(OUTCOMES)),
  recurred: flag,
  readsOnly: flag,
  trigger: word(TRIGGERS),
  actingAt: nullable(integer),
  endedAt: nullable(integer),
});

// Literals, as in the partial indexes: with parameters these would not be used.
const ACTIVE = sql<boolean>`"run"."state" in ('running', 'verifying')`;
const LIVE = sql<boolean>`"run"."state" <> 'ended'`;

/** How many runs of a rule ended so. */
export interface OutcomeCount {
  readonly rule: string;
  readonly outcome: string;
  readonly count: number;
}

/** Runs and their steps. */
export interface RunQueries {
  readonly byId: PreparedQuery<{ readonly ids: readonly string[] }, Run>;
  readonly ofIncidents: PreparedQuery<{ readonly incidentIds: readonly string[] }, Run>;
  readonly steps: PreparedQuery<{ readonly runIds: readonly string[] }, StepRecord>;
  readonly stepsOfIncident: PreparedQuery<{ readonly incidentId: string }, StepRecord>;
  readonly timeline: PreparedQuery<{ readonly runId: string }, StoredTimelineEntry>;
  readonly briefs: PreparedQuery<
    { readonly targets: readonly string[]; readonly rules: readonly string[]; readonly since: number },
    RunBrief
  >;
  readonly countActing: PreparedQuery<{ readonly since: number; readonly limit: number }, number>;
  readonly countRunning: PreparedQuery<object, number>;
  readonly countActive: PreparedQuery<object, number>;
  readonly countHeld: PreparedQuery<object, StoreCounts['runsHeld'][number]>;
  readonly liveIdsInState: PreparedQuery<{ readonly states: readonly string[] }, string>;
  /** Reads the whole table. */
  readonly idsInState: PreparedQuery<{ readonly states: readonly string[] }, string>;
  readonly due: PreparedQuery<{ readonly now: number; readonly limit: number }, string>;
  readonly nextDue: PreparedQuery<{ readonly now: number }, number | null>;
  readonly outcomes: PreparedQuery<{ readonly since: number }, OutcomeCount>;
}

export function createRunQueries({ builder, texts }: StoreDialect): RunQueries {
  return {
    byId: prepareQuery(
      { ids: 'texts' },
      ({ ids }) => builder.selectFrom('run').select(runs.columns).where('id', 'in', texts(ids)),
      runs.decode,
    ),
    ofIncidents: prepareQuery(
      { incidentIds: 'texts' },
      ({ incidentIds }) =>
        builder
          .selectFrom('run')
          .select(runs.columns)
          .where('incident_id', 'in', texts(incidentIds))
          .orderBy('created_at')
          .orderBy('id'),
      runs.decode,
    ),
    steps: prepareQuery(
      { runIds: 'texts' },
      ({ runIds }) =>
        builder
          .selectFrom('step')
          .select(steps.columns)
          .where('run_id', 'in', texts(runIds))
          .orderBy('run_id')
          .orderBy('position'),
      steps.decode,
    ),
    stepsOfIncident: prepareQuery(
      { incidentId: 'text' },
      ({ incidentId }) =>
        builder
          .selectFrom('step')
          .innerJoin('run', 'run.id', 'step.run_id')
          .select(steps.references)
          .where('run.incident_id', '=', incidentId)
          .orderBy('run.created_at')
          .orderBy('run.id')
          .orderBy('step.position'),
      steps.decode,
    ),
    timeline: prepareQuery(
      { runId: 'text' },
      ({ runId }) => builder.selectFrom('timeline').select(STORED_TIMELINE).where('run_id', '=', runId).orderBy('position'),
      decodeStoredTimeline,
    ),
    briefs: prepareQuery(
      { targets: 'texts', rules: 'texts', since: 'integer' },
      ({ targets, rules, since }) => {
        const ids = builder.selectFrom('run').select('id');
        return builder
          .selectFrom('run')
          .select(briefs.columns)
          .where(
            'id',
            'in',
            ids
              .where('target', 'in', texts(targets))
              .where('acting_at', '>=', since)
              .union(ids.where('rule', 'in', texts(rules)).where('acting_at', '>=', since))
              .union(ids.where('target', 'in', texts(targets)).where(ACTIVE))
              .union(ids.where('rule', 'in', texts(rules)).where(ACTIVE)),
          );
      },
      briefs.decode,
    ),
    countActing: prepareQuery(
      { since: 'integer', limit: 'integer' },
      ({ since, limit }) =>
        builder
          .selectFrom(builder.selectFrom('run').select('id').where('acting_at', '>=', since).limit(limit).as('acting'))
          .select((eb) => eb.fn.countAll<number>().as('count')),
      (row) => integer.decode(cellAt(row, 0)),
    ),
    countRunning: prepareQuery(
      {},
      () =>
        builder
          .selectFrom('run')
          .select((eb) => eb.fn.countAll<number>().as('count'))
          .where(LIVE)
          .where('state', '=', sql.lit('running'))
          .where('reads_only', '=', sql.lit(0)),
      (row) => integer.decode(cellAt(row, 0)),
    ),
    countActive: prepareQuery(
      {},
      () =>
        builder
          .selectFrom('run')
          .select((eb) => eb.fn.countAll<number>().as('count'))
          .where(LIVE)
          .where(ACTIVE),
      (row) => integer.decode(cellAt(row, 0)),
    ),
    countHeld: prepareQuery(
      {},
      () =>
        builder
          .selectFrom('run')
          .select(['reason', (eb) => eb.fn.countAll<number>().as('count')])
          .where(LIVE)
          .where('state', '=', sql.lit('held'))
          .where('reason', 'is not', null)
          .groupBy('reason'),
      (row) => ({ reason: text.decode(cellAt(row, 0)), count: integer.decode(cellAt(row, 1)) }),
    ),
    liveIdsInState: prepareQuery(
      { states: 'texts' },
      ({ states }) =>
        builder
          .selectFrom('run')
          .select('id')
          .where(LIVE)
          .where(sql<string>`"state"`, 'in', texts(states))
          .orderBy('created_at')
          .orderBy('id'),
      decodeId,
    ),
    idsInState: prepareQuery(
      { states: 'texts' },
      ({ states }) =>
        builder
          .selectFrom('run')
          .select('id')
          .where(sql<string>`"state"`, 'in', texts(states))
          .orderBy('created_at')
          .orderBy('id'),
      decodeId,
    ),
    due: prepareQuery(
      { now: 'integer', limit: 'integer' },
      ({ now, limit }) =>
        builder
          .selectFrom('run')
          .select('id')
          .where('wake_at', '<=', now)
          .orderBy('severity_rank')
          .orderBy('created_at')
          .orderBy('id')
          .limit(limit),
      decodeId,
    ),
    nextDue: prepareQuery(
      { now: 'integer' },
      ({ now }) =>
        builder
          .selectFrom('run')
          .select((eb) => eb.fn.min('wake_at').as('at'))
          .where('wake_at', '>', now),
      decodeInstant,
    ),
    outcomes: prepareQuery(
      { since: 'integer' },
      ({ since }) =>
        builder
          .selectFrom('run')
          .select(['rule', 'outcome', (eb) => eb.fn.countAll<number>().as('count')])
          .where('ended_at', '>=', since)
          .where('outcome', 'is not', null)
          .groupBy(['rule', 'outcome']),
      (row) => ({
        rule: text.decode(cellAt(row, 0)),
        outcome: text.decode(cellAt(row, 1)),
        count: integer.decode(cellAt(row, 2)),
      }),
    ),
  };
}
