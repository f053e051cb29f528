import { connectionStats } from '../../src/remediations/postgres/connection-stats.ts';
import { postgresConnection, startGuardedPostgres, type GuardedPostgres } from '../support/guarded-postgres.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

describeWith('postgres', 'postgres.connection_stats', () => {
  let server: GuardedPostgres;

  beforeAll(async () => {
    server = await startGuardedPostgres();
  });
  afterEach(() => server.closeClients());
  afterAll(() => server.stop());

  const count = async (url: string) => {
    const context = createStepContext(postgresConnection(url));
    return await connectionStats.run(await connectionStats.plan({}, context), context);
  };

  it('counts the sessions of clients by state, database and user with no more rights than documented', async () => {
    const remedyd = await server.createRole('remedyd', { memberOf: ['pg_read_all_stats'] });
    const web = await server.createRole('web');
    await server.openClient(web.url);
    const busy = await server.openClient(web.url);
    const inTransaction = await server.openClient(web.url);
    const inFailedTransaction = await server.openClient(web.url);
    const sleeping = busy.client.query('SELECT pg_sleep(60)').catch(() => undefined);
    await inTransaction.client.query('BEGIN');
    await inFailedTransaction.client.query('BEGIN');
    await inFailedTransaction.client.query('SELECT 1 / 0').catch(() => undefined);
    await server.waitFor(`SELECT FROM pg_stat_activity WHERE pid = ${busy.pid} AND state = 'active'`);

    const output = await count(remedyd.url);

    expect(output).toEqual({
      total: 5,
      active: 2,
      idle: 1,
      idle_in_transaction: 1,
      idle_in_transaction_aborted: 1,
      other: 0,
      max_connections: server.maxConnections,
      reserved: 3,
      used_ratio: 5 / server.maxConnections,
      by_database: [{ database: 'postgres', total: 5, active: 2, idle: 1, idle_in_transaction: 1 }],
      by_user: [
        { user: web.name, total: 4, active: 1, idle: 1, idle_in_transaction: 1 },
        { user: remedyd.name, total: 1, active: 1, idle: 0, idle_in_transaction: 0 },
      ],
    });
    await server.query(`SELECT pg_cancel_backend(${busy.pid})`);
    await sleeping;
  });

  it('names the missing grant instead of counting what it cannot see', async () => {
    const blind = await server.createRole('Blind "role"');
    expect(await stepFailure(count(blind.url))).toMatchObject({
      code: 'permission_denied',
      happened: 'nothing',
      message: expect.stringContaining(`GRANT pg_read_all_stats TO "${blind.name.replaceAll('"', '""')}";`),
    });
  });

  it('leaves no session behind', async () => {
    const remedyd = await server.createRole('remedyd', { memberOf: ['pg_read_all_stats'] });
    await count(remedyd.url);
    await server.waitFor(`SELECT WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE usename = '${remedyd.name}')`);
  });
});
