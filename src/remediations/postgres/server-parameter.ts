import { z } from 'zod';
import type { PostgresSession } from './postgres-session.ts';

const parameter = z.object({
  name: z.string(),
  /** As SHOW prints it, with its unit. */
  value: z.string(),
  /** `postmaster` when only a restart can change it, `internal` when nothing can. */
  context: z.string(),
  source: z.string(),
  pending_restart: z.boolean(),
});
export type ServerParameter = z.infer<typeof parameter>;

const fileEntry = z.object({ setting: z.string().nullable(), error: z.string().nullable() });

/**
 * A parameter as new sessions of our role have it: what our own session has set for itself is taken back first.
 * https://www.postgresql.org/docs/current/view-pg-settings.html
 */
export async function readParameter(session: PostgresSession, name: string): Promise<ServerParameter | undefined> {
  await session.read(
    z.unknown(),
    `SELECT set_config(name, NULL, false) FROM pg_settings WHERE name = $1 AND source = 'session' AND context = 'user'`,
    [name],
  );
  const [row] = await session.read(
    parameter,
    `SELECT name, current_setting(name) AS value, context, source, pending_restart FROM pg_settings WHERE name = $1`,
    [name],
  );
  return row;
}

/** What the configuration files end with for `name`, if anything, and why the server does not take it, if it does not. */
export async function readFileEntry(session: PostgresSession, name: string): Promise<z.infer<typeof fileEntry> | undefined> {
  const [row] = await session.read(
    fileEntry,
    `SELECT setting, error FROM pg_file_settings WHERE name = $1 ORDER BY seqno DESC LIMIT 1`,
    [name],
  );
  return row;
}

/** The first mistake that makes the server refuse its configuration files, with its place; `undefined` when there is none. */
export async function readFileError(session: PostgresSession): Promise<string | undefined> {
  const [row] = await session.read(
    z.object({ text: z.string() }),
    `SELECT concat_ws(': ', regexp_replace(sourcefile, '^.*/', '') || ' line ' || sourceline, name, error) AS text
     FROM pg_file_settings
     WHERE error IS NOT NULL AND error <> 'setting could not be applied' ORDER BY seqno LIMIT 1`,
  );
  return row?.text;
}

/** When this session has last read the configuration files, to compare. */
export async function readLoadTime(session: PostgresSession): Promise<string | undefined> {
  const [row] = await session.read(z.object({ at: z.string() }), 'SELECT pg_conf_load_time()::text AS at');
  return row?.at;
}
