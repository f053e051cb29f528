import { chownSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Act } from './act.ts';
import { runProgram, startChild, type RunningChild } from './child-process.ts';
import { DemoError } from './demo-error.ts';
import { findProgram } from './find-program.ts';
import { freePort } from './free-port.ts';
import { isVerifiedAndResolved, playIncident } from './play-incident.ts';
import { waitUntil } from './wait-until.ts';

const MAX_CONNECTIONS = 20;
const IDLE_SESSIONS = 15;
const SICK_RATIO = 0.8;
const READY_WITHIN_MS = 20_000;
/** Idle for longer than the rule's `idle_for`; the two clocks are the same one. */
const WHILE_AGO = "state_change < now() - interval '1.2 s'";

/** Sessions that pile up in a PostgreSQL of its own: the idle ones are terminated, the busy one lives. */
export async function preparePostgresAct(
  folder: string,
  cleanUp: AsyncDisposableStack,
): Promise<readonly Act[] | { readonly missing: string }> {
  const [initdb, postgres, psql] = ['initdb', 'postgres', 'psql'].map(findProgram);
  if (initdb === undefined || postgres === undefined || psql === undefined) {
    return { missing: 'PostgreSQL and its idle sessions: install it (Debian: apt-get install postgresql)' };
  }
  const user = serverUser();
  if (user === undefined && process.getuid?.() === 0)
    return { missing: 'PostgreSQL: it refuses to run as root, and there is no user postgres' };
  const port = await freePort();
  const client = (role: string): string[] => [
    '-X',
    '-A',
    '-t',
    '-h',
    '127.0.0.1',
    '-p',
    String(port),
    '-U',
    role,
    '-d',
    'postgres',
  ];
  const ask = async (sql: string): Promise<string> => (await runProgram(psql, [...client('postgres'), '-c', sql])).trim();
  const sessions = async (state: string): Promise<number> =>
    Number(await ask(`select count(*) from pg_stat_activity where usename = 'app' and state = '${state}' and ${WHILE_AGO}`));
  const usedRatio = async (): Promise<number> =>
    (await ask(`select count(*) from pg_stat_activity where backend_type = 'client backend'`).then(Number)) / MAX_CONNECTIONS;
  let seen = 0;
  return [
    {
      title: 'PostgreSQL runs out of connections: idle sessions are terminated, the busy one lives.',
      ending: 'PostgreSQL verified and resolved',
      ruleFile: { name: 'postgres.yml', text: RULES },
      connections: { postgres: { main: { url: `postgres://remedyd@127.0.0.1:${String(port)}/postgres` } } },
      play: async (stage) => {
        await startServer({ folder: join(folder, 'postgres'), initdb, postgres, port, user }, cleanUp, ask);
        const opened = await openSessions(psql, client('app'), cleanUp, sessions);
        await playIncident(stage, {
          rule: 'postgres-connections-exhausted',
          alert: {
            labels: { alertname: 'PostgresTooManyConnections', severity: 'critical' },
            summary: 'clients are about to be refused',
          },
          system: 'postgres',
          isSick: async () => (seen = await usedRatio()) > SICK_RATIO,
          sick: () =>
            `${(seen * 100).toFixed(0)} % of ${String(MAX_CONNECTIONS)} connections are used: ${String(IDLE_SESSIONS)} by idle sessions, one by a long query`,
          well: () => `${(seen * 100).toFixed(0)} % of the connections are used`,
          isOver: isVerifiedAndResolved,
        });
        const [idle, busy] = [await sessions('idle'), await sessions('active')];
        stage.tell(
          'postgres',
          `${String(idle)} idle sessions are left, and the long query ${busy === 1 ? 'still runs' : 'is gone'}`,
        );
        if (idle !== 0 || busy !== 1) throw new DemoError('the idle sessions should be gone and the long query should run');
        for (const session of opened) await session.stop();
      },
    },
  ];
}

interface Server {
  readonly folder: string;
  readonly initdb: string;
  readonly postgres: string;
  readonly port: number;
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
}

async function startServer(
  { folder, initdb, postgres, port, user }: Server,
  cleanUp: AsyncDisposableStack,
  ask: (sql: string) => Promise<string>,
): Promise<void> {
  mkdirSync(folder);
  if (user !== undefined) {
    chownSync(folder, user.uid, user.gid);
    chownSync(join(folder, '..'), user.uid, user.gid);
  }
  const options = { cwd: folder, ...(user === undefined ? {} : { user }) };
  const data = join(folder, 'data');
  await runProgram(initdb, ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'], options);
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: MAX_CONNECTIONS,
    fsync: 'off',
  };
  const args = ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${String(value)}`])];
  // SIGINT is the "fast" shutdown, which does not wait for clients.
  const server = startChild(postgres, args, cleanUp, { ...options, stopSignal: 'SIGINT' });
  await waitUntil('PostgreSQL starts', () => createRoles(server, ask), READY_WITHIN_MS);
}

async function createRoles(server: RunningChild, ask: (sql: string) => Promise<string>): Promise<true | undefined> {
  if (server.isGone()) throw new DemoError(`PostgreSQL did not start: ${server.output()}`);
  try {
    await ask('create role app login; create role remedyd login; grant pg_read_all_stats, pg_signal_backend to remedyd');
    return true;
  } catch {
    return undefined;
  }
}

async function openSessions(
  psql: string,
  args: readonly string[],
  cleanUp: AsyncDisposableStack,
  sessions: (state: string) => Promise<number>,
): Promise<readonly RunningChild[]> {
  const opened = Array.from({ length: IDLE_SESSIONS + 1 }, () => startChild(psql, args, cleanUp));
  opened[0]?.write('select pg_sleep(600);\n');
  for (const session of opened.slice(1)) session.write('select 1;\n');
  await waitUntil(
    'the sessions have been idle for a while',
    async () => ((await sessions('idle')) === IDLE_SESSIONS && (await sessions('active')) === 1 ? true : undefined),
    READY_WITHIN_MS,
  );
  return opened;
}

/** PostgreSQL refuses to run as root; its packages bring a user. */
function serverUser(): Server['user'] {
  if (process.getuid?.() !== 0) return undefined;
  const entry = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'));
  return entry === null ? undefined : { uid: Number(entry[1]), gid: Number(entry[2]) };
}

const RULES = `rules:
  - name: postgres-connections-exhausted
    description: Terminates idle sessions, oldest first, before clients are refused.
    matchers: ['alertname = "PostgresTooManyConnections"']
    target: postgres/main
    mode: auto
    escalation_policy: standard
    steps:
      - { id: before, uses: postgres.connection_stats }
      - id: kill
        if: 'steps.before.output.idle > 5'
        uses: postgres.terminate_idle_connections
        with: { idle_for: 1s, limit: 50 }
    verify:
      checks:
        - { uses: postgres.connection_stats, expect: 'output.used_ratio < 0.8', within: 10s }
      resolved_within: 20s
`;
