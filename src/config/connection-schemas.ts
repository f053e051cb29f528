import { z } from 'zod';
import { duration, httpUrl, identifier, pattern, settingName, text } from '../schema/fields.ts';
import { secretKeys, secretText } from '../schema/secret-text.ts';

const basicAuth = z.strictObject({ username: text(), ...secretKeys('password') });

/** Secrets by name; `NAME_file` holds the path of a file with the secret. */
const namedSecrets = z.record(z.string().min(1), secretText());

const directory = named(/^\/(?:(?!\.\.?(?:\/|$))[^/\0]+\/?)+$/, 'expected the absolute path of a directory, without .. in it');

const postgres = z.strictObject({
  ...secretKeys('url'),
  allow_parameters: z.array(named(/^[a-z_][a-z0-9_.]*$/, "expected a server parameter such as 'work_mem'")).optional(),
  disable_account: z
    .string()
    .refine((statement) => statement.includes('$1'), { error: 'expected one statement with $1 for the name of the account' })
    .optional(),
  backup_directories: z.array(directory).optional(),
});

const redis = z.strictObject({
  ...secretKeys('url'),
  allow_flush: z.boolean().optional(),
  allow_config: z.array(named(/^[a-z][a-z0-9-]*$/, "expected a parameter of Redis such as 'maxmemory'")).optional(),
  backup_directories: z.array(directory).optional(),
});

const docker = z.strictObject({
  socket: text().optional(),
  host: z
    .string()
    .regex(/^(?:tcp|https?):\/\/[^/]+\/?$/, { error: 'expected tcp://HOST:PORT, http://HOST:PORT or https://HOST:PORT' })
    .optional(),
  allow: z
    .array(named(/^[A-Za-z0-9*][A-Za-z0-9_.*-]*$/, "expected a container name, with * for any characters, such as 'web-*'"))
    .optional(),
  allow_prune: z.boolean().optional(),
});

const http = z.strictObject({
  base_url: httpUrl().refine((url) => !/^https?:\/\/[^/]*@/.test(url), {
    error: 'a URL with a password in it would be shown; use basic_auth or bearer_token',
  }),
  ...secretKeys('bearer_token'),
  basic_auth: basicAuth.optional(),
  headers: namedSecrets.optional(),
  allow: z
    .array(
      named(
        /^(?:GET|HEAD|POST|PUT|PATCH|DELETE) \/\S*$/,
        "expected a method and a path, with * for one segment or part of it, such as 'POST /jobs/*/stop'",
      ),
    )
    .describe('METHOD /path; * is one path segment, or letters, digits, ., _ and - inside one: DELETE /app-logs-*.')
    .optional(),
});

const execArgument = z.strictObject({
  type: z.enum(['string', 'int', 'number', 'bool', 'duration', 'bytes']).optional(),
  pattern: pattern().optional(),
  enum: z
    .array(z.union([z.string(), z.number(), z.boolean()]).transform(String))
    .min(1)
    .optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  default: z.union([z.string(), z.number(), z.boolean()]).transform(String).optional(),
});

const exec = z.strictObject({
  command: z.array(text().max(4_096)).min(1, { error: "expected a program and its arguments, such as [/opt/fix.sh, '--all']" }),
  args: z.record(identifier(), execArgument).optional(),
  timeout: duration({ leastMs: 1 }).optional(),
  environment: namedSecrets.optional(),
  working_directory: text().optional(),
});

const files = z.strictObject({ allow: z.array(directory).optional() });

const kubernetes = z.strictObject({
  kubeconfig: text().optional(),
  context: text().optional(),
  namespaces: z.array(named(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'expected the name of a namespace')).min(1, {
    error: 'expected at least one namespace',
  }),
  allow_nodes: z
    .array(named(/^[a-z0-9*][a-z0-9.*-]*$/, "expected the name of a node, with * for any characters, such as 'worker-*'"))
    .optional(),
});

const prometheus = z.strictObject({ url: httpUrl(), ...secretKeys('bearer_token') });

const alertmanager = z.strictObject({ url: httpUrl(), ...secretKeys('bearer_token'), basic_auth: basicAuth.optional() });

/** `connections`: by kind, then by name. */
export const connectionsSchema = z.strictObject({
  postgres: z.record(settingName(), postgres).optional(),
  redis: z.record(settingName(), redis).optional(),
  docker: z.record(settingName(), docker).optional(),
  http: z.record(settingName(), http).optional(),
  exec: z.record(settingName(), exec).optional(),
  files: z.record(settingName(), files).optional(),
  kubernetes: z.record(settingName(), kubernetes).optional(),
  prometheus: z.record(settingName(), prometheus).optional(),
  alertmanager: z.record(settingName(), alertmanager).optional(),
});

/** `auth.webhook[].basic` and the like. */
export const basicAuthSchema = basicAuth;

function named(expression: RegExp, error: string): z.ZodString {
  return z.string({ error }).regex(expression, { error });
}

export type ConnectionsDefinition = z.output<typeof connectionsSchema>;
