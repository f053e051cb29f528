import { defineRemediation } from '../../domain/remediation.ts';
import { planTableWork, runTableWork, TABLE_WORK_OUTPUTS, TABLE_WORK_PARAMS } from './maintain-tables.ts';

/** Renews what the planner knows about tables. */
export const analyze = defineRemediation({
  name: 'postgres.analyze',
  summary: 'Collects the statistics of the planner for one table or all tables of the database.',
  notes: [
    "Needs a role that owns the tables, is a member of their owners' roles, or owns the database: `GRANT app TO remedyd;`.",
    'PostgreSQL 17 and later: `GRANT MAINTAIN ON TABLE … TO remedyd;` or `GRANT pg_maintain TO remedyd;`. A table that the role may',
    'not analyze is `permission_denied` and names the grant.',
    '',
    'Reads and writes go on. System catalogues and temporary tables are left out; a partitioned table, by its name, stands for itself and',
    'all its partitions. Among several tables one that stays locked for `lock_timeout` is `skipped`; a single one fails the step with',
    '`timeout`. A repetition does no harm.',
  ].join('\n'),
  connection: 'postgres',
  params: TABLE_WORK_PARAMS,
  outputs: { analyzed: { type: 'int', description: 'Tables that were analyzed' }, ...TABLE_WORK_OUTPUTS },
  example: { analyzed: 1, remaining: 0, tables: ['public.orders'], skipped: [], took: 900 },
  effect: () => 'change',
  inDoubt: 'repeat',

  plan: (params, context) => planTableWork('analyze', params, context),

  async run(plan, context) {
    const { done, ...outputs } = await runTableWork(plan, context);
    return { analyzed: done, ...outputs };
  },
});
