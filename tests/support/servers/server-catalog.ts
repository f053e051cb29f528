import { accessSync, constants, globSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The real servers that tests run against. */
export const SERVERS = ['postgres', 'redis', 'docker', 'prometheus', 'alertmanager'] as const;
export type ServerName = (typeof SERVERS)[number];

/** Where Docker listens unless `DOCKER_HOST` says otherwise. */
export const DOCKER_SOCKET = '/var/run/docker.sock';

const CAP_SYS_ADMIN = 21n;
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Why tests that need `server` cannot run here, with the way to get it; `undefined` when they can. */
export function whyMissing(server: ServerName): string | undefined {
  switch (server) {
    case 'postgres':
      return process.env['TEST_DATABASE_URL'] || findPostgresProgram('postgres')
        ? undefined
        : 'PostgreSQL is missing: install the Debian package postgresql, or set TEST_DATABASE_URL to a superuser of a test server';
    case 'redis':
      return process.env['TEST_REDIS_URL'] || findProgram('redis-server')
        ? undefined
        : 'Redis is missing: install the Debian package redis-server, or set TEST_REDIS_URL to a test server (it will be flushed)';
    case 'docker':
      return whyDockerIsMissing();
    case 'prometheus':
      return findProgram('prometheus') ? undefined : 'Prometheus is missing: install the Debian package prometheus';
    case 'alertmanager':
      return findAlertmanager() ? undefined : 'Alertmanager is missing: install the Debian package prometheus-alertmanager';
  }
}

/** The path of a program on the PATH or in the system's folders. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''), ...SYSTEM_FOLDERS];
  return folders.map((folder) => join(folder, name)).find((path) => isAccessible(path, constants.X_OK));
}

/** The path of one of PostgreSQL's server programs, of the newest version that Debian's packages installed. */
export function findPostgresProgram(name: string): string | undefined {
  const versions = globSync('/usr/lib/postgresql/*/bin').sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  return versions.map((folder) => join(folder, name)).find((path) => isAccessible(path, constants.X_OK)) ?? findProgram(name);
}

/** Alertmanager's program: Debian calls it `prometheus-alertmanager`, everybody else `alertmanager`. */
export function findAlertmanager(): string | undefined {
  return findProgram('prometheus-alertmanager') ?? findProgram('alertmanager');
}

function whyDockerIsMissing(): string | undefined {
  if (process.env['DOCKER_HOST'] || isAccessible(DOCKER_SOCKET, constants.W_OK)) {
    return findBusybox()
      ? undefined
      : 'busybox is missing, from which the test image is made: install the Debian package busybox-static';
  }
  if (!findProgram('dockerd')) {
    return 'Docker is missing: install the Debian package docker.io, or set DOCKER_HOST';
  }
  if (!findBusybox()) {
    return 'busybox is missing, from which the test image is made: install the Debian package busybox-static';
  }
  return mayRunContainers()
    ? undefined
    : 'Docker does not run, and only root with CAP_SYS_ADMIN may start it: start it, or set DOCKER_HOST';
}

/** The statically linked program that the test image consists of. */
export function findBusybox(): string | undefined {
  return findProgram('busybox');
}

function mayRunContainers(): boolean {
  if (process.getuid?.() !== 0) {
    return false;
  }
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
}

function isAccessible(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
