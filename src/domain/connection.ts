import type { Secret } from './secret.ts';

/** The kinds of systems that remediations act on. */
export const CONNECTION_KINDS = [
  'postgres',
  'redis',
  'docker',
  'http',
  'exec',
  'kubernetes',
  'prometheus',
  'alertmanager',
] as const;
export type ConnectionKind = (typeof CONNECTION_KINDS)[number];

export interface PostgresConnection {
  readonly kind: 'postgres';
  readonly name: string;
  readonly url: Secret;
}

export interface RedisConnection {
  readonly kind: 'redis';
  readonly name: string;
  readonly url: Secret;
  /** Whether `redis.flush_db` may be used here at all. */
  readonly allowFlush: boolean;
}

export interface DockerConnection {
  readonly kind: 'docker';
  readonly name: string;
  /** Path of the engine's Unix socket; or `host` as `tcp://host:port` or `http(s)://host:port`. */
  readonly socket?: string;
  readonly host?: string;
  /** Container names that may be changed; `*` stands for any run of characters. Reading is not limited. */
  readonly allow: readonly string[];
}

export interface HttpConnection {
  readonly kind: 'http';
  readonly name: string;
  readonly baseUrl: string;
  readonly bearerToken?: Secret;
  readonly basicAuth?: { readonly username: string; readonly password: Secret };
  readonly headers: Readonly<Record<string, Secret>>;
  /** `METHOD /path` patterns; `*` stands for one path segment. Nothing else may be requested. */
  readonly allow: readonly string[];
}

export interface ExecConnection {
  readonly kind: 'exec';
  readonly name: string;
  /** Program and arguments. An argument may hold `{{ args.NAME }}`, and nothing else is put in. */
  readonly command: readonly string[];
  readonly args: Readonly<Record<string, ExecArgument>>;
  readonly timeoutMs: number;
  readonly environment: Readonly<Record<string, Secret>>;
  readonly workingDirectory?: string;
}

/** What a value for `{{ args.NAME }}` has to look like. */
export interface ExecArgument {
  readonly type: 'string' | 'int' | 'number' | 'bool' | 'duration' | 'bytes';
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly default?: string;
}

export interface KubernetesConnection {
  readonly kind: 'kubernetes';
  readonly name: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespaces: readonly string[];
}

export interface PrometheusConnection {
  readonly kind: 'prometheus';
  readonly name: string;
  readonly url: string;
  readonly bearerToken?: Secret;
}

export interface AlertmanagerConnection {
  readonly kind: 'alertmanager';
  readonly name: string;
  readonly url: string;
  readonly bearerToken?: Secret;
  readonly basicAuth?: { readonly username: string; readonly password: Secret };
}

export type Connection =
  | PostgresConnection
  | RedisConnection
  | DockerConnection
  | HttpConnection
  | ExecConnection
  | KubernetesConnection
  | PrometheusConnection
  | AlertmanagerConnection;

export type ConnectionOf<K extends ConnectionKind> = Extract<Connection, { kind: K }>;
