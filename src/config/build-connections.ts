import type {
  AlertmanagerConnection,
  Connection,
  DockerConnection,
  ExecArgument,
  ExecConnection,
  HttpConnection,
  PostgresConnection,
  PrometheusConnection,
  RedisConnection,
} from '../domain/connection.ts';
import type { Secret } from '../domain/secret.ts';
import { suggestName } from '../schema/nearest-name.ts';
import { withoutUndefined } from '../domain/without-undefined.ts';
import type { ConnectionsDefinition } from './connection-schemas.ts';
import type { Report } from './report.ts';

type Definition<K extends keyof ConnectionsDefinition> = NonNullable<ConnectionsDefinition[K]>[string];

const DEFAULT_SOCKET = '/var/run/docker.sock';
const DEFAULT_EXEC_TIMEOUT_MS = 30_000;

/** The connections of a configuration; those that are not usable are reported and left out. */
export function buildConnections(given: ConnectionsDefinition, report: Report): readonly Connection[] {
  const at =
    (kind: keyof ConnectionsDefinition, name: string): Report =>
    (path, message, options) => {
      report(['connections', kind, name, ...path], message, options);
    };
  const all: readonly (Connection | undefined)[] = [
    ...each(given.postgres, (name, definition) => buildPostgres(name, definition, at('postgres', name))),
    ...each(given.redis, (name, definition) => buildRedis(name, definition, at('redis', name))),
    ...each(given.docker, (name, definition) => buildDocker(name, definition, at('docker', name))),
    ...each(given.http, (name, definition) => buildHttp(name, definition, at('http', name))),
    ...each(given.exec, (name, definition) => buildExec(name, definition, at('exec', name))),
    ...each(given.files, (name, { allow = [] }): Connection => ({ kind: 'files', name, allow })),
    ...each(given.kubernetes, (name, { namespaces, allow_nodes: allowNodes = [], ...rest }): Connection => ({
      kind: 'kubernetes',
      name,
      namespaces,
      allowNodes,
      ...withoutUndefined(rest),
    })),
    ...each(given.prometheus, buildPrometheus),
    ...each(given.alertmanager, (name, definition) => buildAlertmanager(name, definition, at('alertmanager', name))),
  ];
  return all.filter((connection) => connection !== undefined);
}

function each<D, C>(
  definitions: Readonly<Record<string, D>> | undefined,
  build: (name: string, definition: D) => C,
): readonly C[] {
  return Object.entries(definitions ?? {}).map(([name, definition]) => build(name, definition));
}

function needUrl<C>(url: Secret | undefined, report: Report, build: (url: Secret) => C): C | undefined {
  if (url !== undefined) return build(url);
  report([], "'url' or 'url_file' is missing", { at: 'key' });
  return undefined;
}

function buildPostgres(name: string, definition: Definition<'postgres'>, report: Report): PostgresConnection | undefined {
  const { allow_parameters: allowParameters = [], disable_account: disableAccount } = definition;
  const { backup_directories: backupDirectories = [] } = definition;
  return needUrl(definition.url, report, (url) => ({
    kind: 'postgres',
    name,
    url,
    allowParameters,
    backupDirectories,
    ...withoutUndefined({ disableAccount }),
  }));
}

function buildRedis(name: string, definition: Definition<'redis'>, report: Report): RedisConnection | undefined {
  const {
    allow_flush: allowFlush = false,
    allow_config: allowConfig = [],
    backup_directories: backupDirectories = [],
  } = definition;
  return needUrl(definition.url, report, (url) => ({ kind: 'redis', name, url, allowFlush, allowConfig, backupDirectories }));
}

function buildDocker(name: string, definition: Definition<'docker'>, report: Report): DockerConnection {
  const { socket, host, allow = [], allow_prune: allowPrune = false } = definition;
  if (socket !== undefined && host !== undefined) report(['host'], "give 'socket' or 'host', not both", { at: 'key' });
  return { kind: 'docker', name, allow, allowPrune, ...(host === undefined ? { socket: socket ?? DEFAULT_SOCKET } : { host }) };
}

function buildHttp(name: string, definition: Definition<'http'>, report: Report): HttpConnection {
  const { base_url: baseUrl, bearer_token: bearerToken, basic_auth: basicAuth, headers = {}, allow = [] } = definition;
  return { kind: 'http', name, baseUrl, headers, allow, ...buildCredentials(bearerToken, basicAuth, report) };
}

function buildAlertmanager(name: string, definition: Definition<'alertmanager'>, report: Report): AlertmanagerConnection {
  const { url, bearer_token: bearerToken, basic_auth: basicAuth } = definition;
  return { kind: 'alertmanager', name, url, ...buildCredentials(bearerToken, basicAuth, report) };
}

function buildPrometheus(name: string, { url, bearer_token: bearerToken }: Definition<'prometheus'>): PrometheusConnection {
  return { kind: 'prometheus', name, url, ...withoutUndefined({ bearerToken }) };
}

interface Credentials {
  readonly bearerToken?: Secret;
  readonly basicAuth?: { readonly username: string; readonly password: Secret };
}

function buildCredentials(
  bearerToken: Secret | undefined,
  basicAuth: { readonly username: string; readonly password?: Secret | undefined } | undefined,
  report: Report,
): Credentials {
  if (bearerToken !== undefined && basicAuth !== undefined)
    report(['basic_auth'], "give 'bearer_token' or 'basic_auth', not both", { at: 'key' });
  if (bearerToken !== undefined) return { bearerToken };
  if (basicAuth === undefined) return {};
  if (basicAuth.password !== undefined) return { basicAuth: { username: basicAuth.username, password: basicAuth.password } };
  report(['basic_auth'], "'password' or 'password_file' is missing", { at: 'key' });
  return {};
}

function buildExec(name: string, definition: Definition<'exec'>, report: Report): ExecConnection {
  const {
    command,
    args = {},
    timeout = DEFAULT_EXEC_TIMEOUT_MS,
    environment = {},
    working_directory: workingDirectory,
  } = definition;
  checkCommand(command, Object.keys(args), report);
  const typed = Object.entries(args).map(([key, argument]) => [key, buildArgument(argument)] as const);
  return {
    kind: 'exec',
    name,
    command,
    args: Object.fromEntries(typed),
    timeoutMs: timeout,
    environment,
    ...withoutUndefined({ workingDirectory }),
  };
}

function buildArgument({ type = 'string', ...rest }: NonNullable<Definition<'exec'>['args']>[string]): ExecArgument {
  return { type, ...withoutUndefined(rest) };
}

function checkCommand(command: readonly string[], names: readonly string[], report: Report): void {
  command.forEach((part, index) => {
    if (index === 0 && part.includes('{{'))
      report(['command', 0], 'the program is fixed; only its arguments may hold {{ args.NAME }}');
    for (const match of part.matchAll(/\{\{(.*?)\}\}/gs)) {
      const name = /^\s*args\.([A-Za-z_][A-Za-z0-9_]*)\s*$/.exec(match[1] ?? '')?.[1];
      if (name === undefined)
        report(['command', index], `${match[0]} is not known here; expected {{ args.NAME }}`, { at: match.index });
      else if (!names.includes(name))
        report(['command', index], `unknown argument '${name}'${suggestName(name, names)}`, { at: match.index });
    }
  });
}
