import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { Secret } from '../../domain/secret.ts';
import { StepError } from '../../domain/remediation.ts';
import { withPostgresSession, type SessionContext } from './postgres-session.ts';

const PREFIX = 'remedyd_restore_';
const NAME = /^remedyd_restore_(\d{4})(\d\d)(\d\d)t(\d\d)(\d\d)(\d\d)_[0-9a-f]{8}$/;
const DAY_MS = 86_400_000;
const DROP_WITHIN_MS = 30_000;

/** A name that nobody has yet, with the time in it, by which a later run knows what a crash has left. */
export function nameScratchDatabase(now: number): string {
  const stamp = new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').toLowerCase();
  return `${PREFIX}${stamp}_${randomBytes(4).toString('hex')}`;
}

/** Creates an empty database with the encoding and the collation of the connection's. */
export async function createScratchDatabase(context: SessionContext, name: string): Promise<void> {
  const create = `
    SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L',
      $1::text, pg_encoding_to_char(encoding), datcollate, datctype) AS statement
    FROM pg_database WHERE datname = current_database()`;
  await changeDatabase(context, create, name);
}

/** Drops a scratch database, sessions on it included, also when the step is over: it has 30 seconds of its own. */
export async function dropScratchDatabase(context: Pick<SessionContext, 'connection' | 'clock'>, name: string): Promise<void> {
  const { connection, clock } = context;
  using limit = clock.timeout(DROP_WITHIN_MS);
  const own: SessionContext = { connection, clock, signal: limit.signal, timeoutMs: DROP_WITHIN_MS };
  const drop = `
    SELECT format('DROP DATABASE IF EXISTS %I', $1::text)
      || CASE WHEN current_setting('server_version_num')::int >= 130000 THEN ' WITH (FORCE)' ELSE '' END AS statement`;
  try {
    await changeDatabase(own, drop, name);
  } catch (error) {
    const why = error instanceof StepError ? error.message : 'internal error';
    throw new StepError('rejected', `the scratch database was not dropped, run: DROP DATABASE ${name}; (${why})`, {
      happened: 'unknown',
      cause: error,
    });
  }
}

/** Our own scratch databases that are more than a day old: a crash has left them. */
export async function findOldScratchDatabases(context: SessionContext): Promise<readonly string[]> {
  const rows = await withPostgresSession(context, (session) =>
    session.read(
      z.object({ name: z.string() }),
      `SELECT datname AS name FROM pg_database
       WHERE starts_with(datname, '${PREFIX}') AND pg_has_role(datdba, 'USAGE') ORDER BY datname`,
    ),
  );
  return rows.map(({ name }) => name).filter((name) => context.clock.now() - createdAt(name) > DAY_MS);
}

/** The context for sessions on another database of the connection's server. */
export function onDatabase<C extends SessionContext>(context: C, database: string): C {
  const { connection } = context;
  const url = connection.url.reveal();
  const match = /^(postgres(?:ql)?:\/\/[^/?#]*)(?:\/[^?#]*)?((?:\?.*)?)$/s.exec(url);
  if (match === null) {
    throw new StepError('invalid_value', `PostgreSQL "${connection.name}": its url has no place for another database`, {
      happened: 'nothing',
    });
  }
  const other = new Secret(`${match[1] ?? ''}/${database}${match[2] ?? ''}`);
  return { ...context, connection: { ...connection, url: other } };
}

/** Not a number for a name that is none of ours, which no age is greater than. */
function createdAt(name: string): number {
  const [, year, month, day, hour, minute, second] = NAME.exec(name) ?? [];
  return Date.parse(`${year ?? ''}-${month ?? ''}-${day ?? ''}T${hour ?? ''}:${minute ?? ''}:${second ?? ''}Z`);
}

/** Runs the statement that the server has written: of databases it can neither be in a transaction nor take parameters. */
async function changeDatabase(context: SessionContext, statement: string, name: string): Promise<void> {
  await withPostgresSession(
    context,
    async (session) => {
      const [row] = await session.read(z.object({ statement: z.string() }), statement, [name]);
      if (row !== undefined) await session.change(z.unknown(), row.statement);
    },
    { mode: 'autocommit' },
  );
}
