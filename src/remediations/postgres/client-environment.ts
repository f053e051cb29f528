import type { PostgresConnection } from '../../domain/connection.ts';
import { APPLICATION_NAME, createClient } from './postgres-session.ts';
import { BARE_ENVIRONMENT } from './client-program.ts';

const CA_FILE = '/etc/ssl/certs/ca-certificates.crt';
/** Since this version libpq knows the system's certificate authorities by the name `system`. */
const FIRST_WITH_SYSTEM_CA = 16;

/**
 * The environment in which a program of PostgreSQL connects as the connection's URL says. The password is in it, and so in no
 * argument, which everybody on the machine could read. https://www.postgresql.org/docs/current/libpq-envars.html
 */
export function createClientEnvironment(
  connection: PostgresConnection,
  database: string,
  clientMajor: number,
): Readonly<Record<string, string>> {
  const { host, port, user, password } = createClient({ connection, timeoutMs: 0 });
  const options = new URLSearchParams(connection.url.reveal().split('?')[1] ?? '');
  const sslMode = toSslMode(options);
  return {
    ...BARE_ENVIRONMENT,
    PGHOST: host,
    PGPORT: String(port),
    PGDATABASE: database,
    PGAPPNAME: APPLICATION_NAME,
    PGCONNECT_TIMEOUT: '10',
    PGSSLMODE: sslMode,
    ...withAuthorities(options.get('sslrootcert'), sslMode, clientMajor),
    ...(typeof user === 'string' ? { PGUSER: user } : {}),
    // At run time it is null where the URL has none.
    ...(typeof password === 'string' ? { PGPASSWORD: password } : {}),
    ...withFiles(options),
  };
}

/** Options by which our own sessions use TLS and check it, without an `sslmode`; see pg-connection-string. */
const TLS_FILES = ['sslcert', 'sslkey', 'sslrootcert'];

/** What the URL means to our own sessions: all but `no-verify` check the certificate and the name in it. */
function toSslMode(options: URLSearchParams): string {
  const mode = options.get('sslmode');
  if (mode === null) {
    const asksForTls = ['true', '1'].includes(options.get('ssl') ?? '') || TLS_FILES.some((name) => options.has(name));
    return asksForTls ? 'verify-full' : 'prefer';
  }
  if (mode === 'no-verify') return 'require';
  return options.get('uselibpqcompat') === 'true' || mode === 'disable' ? mode : 'verify-full';
}

/**
 * The system's authorities for `verify-full` only: libpq refuses `system` with every other mode, and with a file of authorities it
 * checks the certificate also for `require`.
 */
function withAuthorities(own: string | null, sslMode: string, clientMajor: number): Readonly<Record<string, string>> {
  if (own !== null) return { PGSSLROOTCERT: own };
  if (sslMode !== 'verify-full') return {};
  return { PGSSLROOTCERT: clientMajor >= FIRST_WITH_SYSTEM_CA ? 'system' : CA_FILE };
}

function withFiles(options: URLSearchParams): Readonly<Record<string, string>> {
  const [certificate, key] = [options.get('sslcert'), options.get('sslkey')];
  return {
    ...(certificate === null ? {} : { PGSSLCERT: certificate }),
    ...(key === null ? {} : { PGSSLKEY: key }),
  };
}
