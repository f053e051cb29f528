import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, DatabaseError, escapeIdentifier, escapeLiteral } from 'pg';
import { freePort } from './free-port.ts';
import { findPostgresProgram } from './server-catalog.ts';
import { startServerProcess, type ServerProcess } from './server-process.ts';
import { createTemporaryDirectory } from './temporary-directory.ts';

const run = promisify(execFile);

const SUPERUSER = 'postgres';

// Nothing in a test's database has to survive a power cut.
const FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', shared_buffers: '16MB' };

export interface PostgresOptions {
  /** Parameters of postgresql.conf, such as `{ max_connections: '20' }`. They need an own server. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface RoleOptions {
  readonly superuser?: boolean;
  readonly replication?: boolean;
  /** Roles it is a member of, such as `pg_read_all_stats` or `pg_signal_backend`. */
  readonly memberOf?: readonly string[];
}

/** A PostgreSQL for one test file. `process` is absent when `TEST_DATABASE_URL` named the server. */
export interface TestPostgres {
  /** Of a superuser, on a database of its own. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly process?: ServerProcess;
  /** Runs one statement as the superuser, on a connection of its own. */
  query(sql: string): Promise<readonly Record<string, unknown>[]>;
  /** Creates a role that may log in, with a random name beginning with `name`, and returns the URL to connect as it. */
  createRole(name: string, options?: RoleOptions): Promise<{ readonly name: string; readonly url: string }>;
  /** Ends the server, or removes what was made on the server that was found. */
  stop(): Promise<void>;
}

/** Starts a PostgreSQL on a free port. With `TEST_DATABASE_URL` an own database on that server is used, unless settings ask for an own server. */
export async function startPostgres(options: PostgresOptions = {}): Promise<TestPostgres> {
  const found = process.env['TEST_DATABASE_URL'];
  return found !== undefined && found !== '' && options.settings === undefined
    ? useFoundServer(new URL(found))
    : startOwnServer(options.settings ?? {});
}

/**
 * Starts a standby of `primary`, which has to let its superuser replicate, on a free port. The settings that a standby may not
 * have lower than its primary have to be given again. With `hot_standby: 'off'` it refuses all connections as one that starts.
 */
export function startStandby(primary: TestPostgres, settings: Readonly<Record<string, string>>): Promise<TestPostgres> {
  const source = ['--dbname', primary.url, '--checkpoint=fast', '--wal-method=fetch', '--write-recovery-conf', '--no-sync'];
  return startOwnServer(settings, 'pg_basebackup', source);
}

const NEW_CLUSTER = ['-U', SUPERUSER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];

async function startOwnServer(
  settings: Readonly<Record<string, string>>,
  maker = 'initdb',
  makerArguments: readonly string[] = NEW_CLUSTER,
): Promise<TestPostgres> {
  const make = findPostgresProgram(maker);
  const command = findPostgresProgram('postgres');
  if (make === undefined || command === undefined) {
    throw new Error('an own PostgreSQL is needed for this test: install the Debian package postgresql');
  }
  const port = await freePort();
  const folder = createTemporaryDirectory('postgres');
  const user = serverUser();
  if (user !== undefined) {
    chownSync(folder.path, user.uid, user.gid);
  }
  const data = join(folder.path, 'data');
  await run(make, ['-D', data, ...makerArguments], { ...user, cwd: folder.path });
  const url = new URL(`postgres://${SUPERUSER}@127.0.0.1:${String(port)}/postgres`);
  const parameters = { ...FAST, port: String(port), listen_addresses: '127.0.0.1', unix_socket_directories: '', ...settings };
  const server = await startServerProcess({
    name: 'postgres',
    command,
    args: ['-D', data, ...Object.entries(parameters).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
    isReady: () => (settings['hot_standby'] === 'off' ? refusesEverybody(url) : answers(url)),
    stopSignal: 'SIGINT', // "fast" shutdown: open connections are closed
    ...(user === undefined ? {} : { user }),
    cleanUp: folder.remove,
  });
  return { ...access(url, () => undefined), process: server, stop: server.stop };
}

async function answers(url: URL): Promise<boolean> {
  return (await query(url, 'select 1')).length === 1;
}

async function refusesEverybody(url: URL): Promise<boolean> {
  try {
    await query(url, 'select 1');
    return false;
  } catch (error) {
    return error instanceof DatabaseError && error.code === '57P03'; // cannot_connect_now
  }
}

async function useFoundServer(admin: URL): Promise<TestPostgres> {
  const database = randomName('remedyd_test');
  const roles: string[] = [];
  await query(admin, `create database ${escapeIdentifier(database)}`);
  const url = new URL(admin);
  url.pathname = `/${database}`;
  const stop = async (): Promise<void> => {
    await query(admin, `drop database if exists ${escapeIdentifier(database)} with (force)`);
    for (const role of roles.splice(0)) {
      await query(admin, `drop role if exists ${escapeIdentifier(role)}`);
    }
  };
  return { ...access(url, (role) => roles.push(role)), stop };
}

function access(url: URL, onRole: (name: string) => void): Omit<TestPostgres, 'process' | 'stop'> {
  return {
    url: url.href,
    host: url.hostname,
    port: Number(url.port || '5432'),
    database: url.pathname.slice(1),
    query: (sql) => query(url, sql),
    createRole: async (prefix, options = {}) => {
      const name = randomName(prefix);
      const password = randomBytes(12).toString('hex');
      await query(url, createRoleStatement(name, password, options));
      onRole(name);
      const roleUrl = new URL(url);
      roleUrl.username = name;
      roleUrl.password = password;
      return { name, url: roleUrl.href };
    },
  };
}

function createRoleStatement(name: string, password: string, { superuser, replication, memberOf = [] }: RoleOptions): string {
  const rights = ['login', ...(superuser === true ? ['superuser'] : []), ...(replication === true ? ['replication'] : [])];
  const membership = memberOf.length === 0 ? '' : ` in role ${memberOf.map(escapeIdentifier).join(', ')}`;
  return `create role ${escapeIdentifier(name)} ${rights.join(' ')} password ${escapeLiteral(password)}${membership}`;
}

async function query(url: URL, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url.href, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined); // the server may end the session when it stops
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** PostgreSQL refuses to run as root; Debian's package brings the user `postgres`. */
function serverUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) {
    return undefined;
  }
  const users = readFileSync('/etc/passwd', 'utf8');
  const entry = /^postgres:[^:]*:(\d+):(\d+):/m.exec(users) ?? /^nobody:[^:]*:(\d+):(\d+):/m.exec(users);
  if (entry === null) {
    throw new Error('PostgreSQL refuses to run as root, and this machine has neither a user postgres nor nobody');
  }
  return { uid: Number(entry[1]), gid: Number(entry[2]) };
}

function randomName(prefix: string): string {
  return `${prefix}_${randomBytes(4).toString('hex')}`;
}
