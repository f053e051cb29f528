import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import Docker from 'dockerode';
import { DOCKER_SOCKET, findBusybox, findProgram, whyMissing } from './server-catalog.ts';
import { startServerProcess, type ServerProcess } from './server-process.ts';
import { createTarArchive } from './tar-archive.ts';
import { createTemporaryDirectory } from './temporary-directory.ts';

/** The image that tests run: busybox and links to its commands, nothing else. */
export const TEST_IMAGE = 'remedyd-test/busybox:latest';

export interface ContainerOptions {
  /** Exactly this name, so make it one that no other test file uses. */
  readonly name: string;
  readonly cmd: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** `none` unless given: there is no bridge. With `host` it can listen on the machine's loopback. */
  readonly network?: 'none' | 'host';
  /** Health check command, run every second. */
  readonly healthCmd?: readonly string[];
  readonly memoryBytes?: number;
  /** Whether it is started as well; true unless given. */
  readonly start?: boolean;
}

/** A Docker engine for one test file, with the test image. `process` is absent for an engine that was found. */
export interface TestDocker {
  /** As `DOCKER_HOST` has it. */
  readonly host: string;
  /** The path of its Unix socket, when it listens on one. */
  readonly socket?: string;
  readonly client: Docker;
  readonly process?: ServerProcess;
  createContainer(options: ContainerOptions): Promise<Docker.Container>;
  /** Removes the containers that were made here, then ends the engine if it is ours. */
  stop(): Promise<void>;
}

/** Uses the engine at `DOCKER_HOST` or the system's socket, and starts an own one when there is none. */
export async function startDocker(): Promise<TestDocker> {
  const missing = whyMissing('docker');
  if (missing !== undefined) {
    throw new Error(missing);
  }
  const configured = process.env['DOCKER_HOST'];
  const host = configured === undefined || configured === '' ? `unix://${DOCKER_SOCKET}` : configured;
  if ((configured !== undefined && configured !== '') || (await responds(connect(host)))) {
    return prepare(host);
  }
  return startOwnEngine();
}

/** An engine with a root of its own, that leaves the machine's firewall and network interfaces alone. */
async function startOwnEngine(): Promise<TestDocker> {
  const folder = createTemporaryDirectory('docker');
  const host = `unix://${join(folder.path, 'docker.sock')}`;
  const engine = connect(host);
  const configuration = join(folder.path, 'daemon.json'); // empty, instead of the machine's
  writeFileSync(configuration, '{}');
  const server = await startServerProcess({
    name: 'dockerd',
    command: findProgram('dockerd') ?? 'dockerd',
    args: [
      `--host=${host}`,
      `--data-root=${join(folder.path, 'data')}`,
      `--exec-root=${join(folder.path, 'exec')}`,
      `--pidfile=${join(folder.path, 'docker.pid')}`,
      `--config-file=${configuration}`,
      '--iptables=false',
      '--ip6tables=false',
      '--bridge=none',
      '--log-level=warn',
    ],
    isReady: () => responds(engine),
    cleanUp: () => {
      unmountBelow(folder.path);
      folder.remove();
    },
  });
  return prepare(host, server);
}

async function prepare(host: string, server?: ServerProcess): Promise<TestDocker> {
  const client = connect(host);
  const socket = socketOf(host);
  const containers: Docker.Container[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(containers.splice(0).map(remove));
    await server?.stop();
  };
  try {
    await importTestImage(client);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    host,
    client,
    ...(socket === undefined ? {} : { socket }),
    ...(server === undefined ? {} : { process: server }),
    createContainer: async (options) => {
      const container = await client.createContainer(createRequest(options));
      containers.push(container);
      if (options.start ?? true) {
        await container.start();
      }
      return container;
    },
    stop,
  };
}

function createRequest(options: ContainerOptions): Docker.ContainerCreateOptions {
  const second = 1_000_000_000;
  return {
    name: options.name,
    Image: TEST_IMAGE,
    Cmd: [...options.cmd],
    Labels: { ...options.labels },
    Env: Object.entries(options.env ?? {}).map(([key, value]) => `${key}=${value}`),
    HostConfig: {
      NetworkMode: options.network ?? 'none',
      ...(options.memoryBytes === undefined ? {} : { Memory: options.memoryBytes }),
    },
    ...(options.healthCmd === undefined
      ? {}
      : { Healthcheck: { Test: ['CMD', ...options.healthCmd], Interval: second, Timeout: second, Retries: 1 } }),
  };
}

async function importTestImage(client: Docker): Promise<void> {
  const busybox = findBusybox();
  if (busybox === undefined) {
    throw new Error('busybox is missing: install the Debian package busybox-static');
  }
  const commands = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).split('\n');
  const links = commands
    .filter((name) => name !== '' && name !== 'busybox')
    .map((name) => ({ path: `bin/${name}`, linkTo: 'busybox' }));
  const archive = createTarArchive([{ path: 'bin/busybox', content: readFileSync(busybox) }, ...links]);
  const [repo, tag] = TEST_IMAGE.split(':');
  const answer = await client.importImage(Readable.from([archive]), { repo, tag });
  await new Promise<void>((resolve, reject) => {
    client.modem.followProgress(answer, (error) => {
      if (error === null) {
        resolve();
      } else {
        reject(error);
      }
    });
  });
}

async function remove(container: Docker.Container): Promise<void> {
  try {
    await container.remove({ force: true, v: true });
  } catch (error) {
    if (!isNotFound(error)) {
      throw error;
    }
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'statusCode' in error && error.statusCode === 404;
}

async function responds(engine: Docker): Promise<boolean> {
  try {
    await engine.ping();
    return true;
  } catch {
    return false;
  }
}

function connect(host: string): Docker {
  const socketPath = socketOf(host);
  if (socketPath !== undefined) {
    return new Docker({ socketPath });
  }
  const url = new URL(host);
  return new Docker({ host: url.hostname, port: url.port || '2375', protocol: url.protocol === 'https:' ? 'https' : 'http' });
}

function socketOf(host: string): string | undefined {
  return host.startsWith('unix://') ? host.slice('unix://'.length) : undefined;
}

/** The engine leaves the mounts of its network namespaces behind, and a folder with mounts cannot be removed. */
function unmountBelow(folder: string): void {
  const points = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((point) => point.startsWith(`${folder}/`))
    .sort()
    .reverse();
  for (const point of points) {
    execFileSync('umount', ['-l', point]);
  }
}
