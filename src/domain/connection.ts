import type { Secret } from './secret.ts';

/** The kinds of systems that remediations act on. */
export const CONNECTION_KINDS = [
  'postgres',
  'redis',
  'docker',
  'http',
  'exec',
  'files',
  'kubernetes',
  'prometheus',
  'alertmanager',
] as const;
export type ConnectionKind = (typeof CONNECTION_KINDS)[number];

export interface PostgresConnection {
  readonly kind: 'postgres';
  readonly name: string;
  readonly url: Secret;
  /** Server parameters that `postgres.set_parameter` may set; none without it. */
  readonly allowParameters: readonly string[];
  /** The statement that disables one account; `$1` is its name. */
  readonly disableAccount?: string;
  /** Absolute paths: dumps are written below them, and nowhere else. */
  readonly backupDirectories: readonly string[];
}

export interface RedisConnection {
  readonly kind: 'redis';
  readonly name: string;
  readonly url: Secret;
  /** Whether `redis.flush_db` may be used here at all. */
  readonly allowFlush: boolean;
  /** Parameters that `redis.set_config` may set; none without it. */
  readonly allowConfig: readonly string[];
  /** Absolute paths: copies of the database are written below them, and nowhere else. */
  readonly backupDirectories: readonly string[];
}

export interface DockerConnection {
  readonly kind: 'docker';
  readonly name: string;
  /** Path of the engine's Unix socket; or `host` as `tcp://host:port` or `http(s)://host:port`. */
  readonly socket?: string;
  readonly host?: string;
  /** Container names that may be changed; `*` stands for any run of characters. Reading is not limited. */
  readonly allow: readonly string[];
  /** Whether `docker.prune` may be used here at all. */
  readonly allowPrune: boolean;
}

export interface HttpConnection {
  readonly kind: 'http';
  readonly name: string;
  readonly baseUrl: string;
  readonly bearerToken?: Secret;
  readonly basicAuth?: { readonly username: string; readonly password: Secret };
  readonly headers: Readonly<Record<string, Secret>>;
  /** `METHOD /path` patterns; `*` is one path segment, or `A-Za-z0-9._-` inside one (`/logs-*`). Nothing else may be requested. */
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

/** Files of the machine that remedyd runs on. */
export interface FilesConnection {
  readonly kind: 'files';
  readonly name: string;
  /** Absolute paths of directories: files below them may be deleted. Reading is not limited. */
  readonly allow: readonly string[];
}

export interface KubernetesConnection {
  readonly kind: 'kubernetes';
  readonly name: string;
  /** Path of a kubeconfig file; without it the service account of the pod that remedyd runs in. */
  readonly kubeconfig?: string;
  /** A context of the kubeconfig; default: its current one. */
  readonly context?: string;
  /** Nothing outside these is read or changed. The only one is the default of a step. */
  readonly namespaces: readonly string[];
  /** Names of nodes that may be cordoned; `*` stands for any run of characters. */
  readonly allowNodes: readonly string[];
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
  | FilesConnection
  | KubernetesConnection
  | PrometheusConnection
  | AlertmanagerConnection;

export type ConnectionOf<K extends ConnectionKind> = Extract<Connection, { kind: K }>;
