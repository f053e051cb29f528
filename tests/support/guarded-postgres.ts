import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import type { PostgresConnection } from '../../src/domain/connection.ts';
import { Secret } from '../../src/domain/secret.ts';
import { startPostgres, type PostgresOptions, type TestPostgres } from './servers/postgres.ts';
import { createTemporaryDirectory } from './servers/temporary-directory.ts';

// The superuser of the tests comes in without a password, everybody else has to show one.
const ACCESS = ['host all,replication postgres 127.0.0.1/32 trust', 'host all all 127.0.0.1/32 scram-sha-256', ''].join('\n');
const MAX_CONNECTIONS = 40;

/** An own PostgreSQL that checks passwords, and the sessions that tests hold on it. */
export interface GuardedPostgres extends TestPostgres {
  readonly maxConnections: number;
  /** Opens a session; it stays until `closeClients`. */
  openClient(url: string, applicationName?: string): Promise<TestClient>;
  /** Ends the sessions that were opened, and waits until the server has forgotten them. */
  closeClients(): Promise<void>;
  /** Resolves once `sql` returns a row. */
  waitFor(sql: string): Promise<void>;
}

export interface TestClient {
  readonly client: Client;
  readonly pid: number;
}

/** Starts one. `settings` are further parameters of postgresql.conf. */
export async function startGuardedPostgres(settings: PostgresOptions['settings'] = {}): Promise<GuardedPostgres> {
  const folder = createTemporaryDirectory('postgres-access');
  chmodSync(folder.path, 0o755);
  const file = join(folder.path, 'pg_hba.conf');
  writeFileSync(file, ACCESS);
  const server = await startPostgres({ settings: { ...settings, hba_file: file, max_connections: String(MAX_CONNECTIONS) } });
  const clients: TestClient[] = [];

  const waitFor = async (sql: string): Promise<void> => {
    while ((await server.query(sql)).length === 0);
  };
  return {
    ...server,
    maxConnections: MAX_CONNECTIONS,
    waitFor,
    openClient: async (url, applicationName = 'app') => {
      const client = new Client({ connectionString: url, application_name: applicationName });
      client.on('error', () => undefined);
      await client.connect();
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const opened = { client, pid: rows[0]?.pid ?? 0 };
      clients.push(opened);
      return opened;
    },
    closeClients: async () => {
      const closing = clients.splice(0);
      const pids = closing.map(({ pid }) => pid).join(', ');
      await Promise.all(closing.map(({ client }) => client.end()));
      if (pids !== '') await waitFor(`SELECT WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid IN (${pids}))`);
    },
    stop: async () => {
      await server.stop();
      folder.remove();
    },
  };
}

/** The connection "main" of remedyd that leads to `url`. */
export function postgresConnection(url: string): PostgresConnection {
  return { kind: 'postgres', name: 'main', url: new Secret(url), allowParameters: [], backupDirectories: [] };
}
