import { defineRemediation } from '../../domain/remediation.ts';
import { planTableWork, runTableWork, TABLE_WORK_OUTPUTS, TABLE_WORK_PARAMS } from './maintain-tables.ts';

/** Gives back the space of dead rows. */
export const vacuum = defineRemediation({
  name: 'postgres.vacuum',
  summary: 'Vacuums one table or all tables of the database, the one with the most dead rows first, and analyzes them.',
  notes: [
    "Needs a role that owns the tables, is a member of their owners' roles, or owns the database: `GRANT app TO remedyd;`.",
    'PostgreSQL 17 and later: `GRANT MAINTAIN ON TABLE … TO remedyd;` or `GRANT pg_maintain TO remedyd;`. A table that the role may',
    'not vacuum is `permission_denied` and names the grant. It connects to the server itself or through a pooler that pools by session:',
    'VACUUM cannot run in a transaction.',
    '',
    'It is a plain VACUUM: reads and writes go on, and the space is kept for new rows of the table, not given back to the disk.',
    'VACUUM FULL is not offered, as it locks everybody out. Dead rows that an old transaction or a replication slot still needs stay.',
    'System catalogues and temporary tables are left out; a partitioned table, by its name, stands for all its partitions.',
    'Among several tables one that stays locked for `lock_timeout` is `skipped`; a single one fails the step with `timeout`.',
    'Stopped half-way, what is vacuumed stays vacuumed, and a repetition does no harm.',
  ].join('\n'),
  connection: 'postgres',
  params: {
    ...TABLE_WORK_PARAMS,
    analyze: { type: 'bool', default: true, description: 'Also collect the statistics of the planner' },
  },
  outputs: { vacuumed: { type: 'int', description: 'Tables that were vacuumed' }, ...TABLE_WORK_OUTPUTS },
  example: { vacuumed: 1, remaining: 0, tables: ['public.orders'], skipped: [], took: 5_300 },
  effect: () => 'change',
  inDoubt: 'repeat',

  plan: (params, context) => planTableWork(params.analyze ? 'vacuum_analyze' : 'vacuum', params, context),

  async run(plan, context) {
    const { done, ...outputs } = await runTableWork(plan, context);
    return { vacuumed: done, ...outputs };
  },
});
