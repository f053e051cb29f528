import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { TestDocker } from './servers/docker.ts';
import { createTemporaryDirectory } from './servers/temporary-directory.ts';

export interface DockerProxy extends AsyncDisposable {
  /** The path of its Unix socket. */
  readonly socket: string;
  /** Which of the patterns were asked for. */
  readonly used: ReadonlySet<string>;
}

export interface DockerProxyOptions {
  /** `METHOD /path`; `{name}` stands for one segment, `{image}` for any. Everything else is answered with 403. */
  readonly allow: readonly string[];
  /** A request of this pattern gets no answer; `onHang` is told of it. */
  readonly hang?: string;
  readonly onHang?: () => void;
  /** A request of this pattern is passed on, and answered with 500 instead of the engine's answer. */
  readonly fail?: string;
}

/** A socket proxy before the engine, as the remediations' notes ask for one. */
export async function startDockerProxy(engine: TestDocker, options: DockerProxyOptions): Promise<DockerProxy> {
  const folder = createTemporaryDirectory('docker-proxy');
  const socket = join(folder.path, 'docker.sock');
  const used = new Set<string>();
  const server = createServer((incoming, response) => {
    const pattern = options.allow.find((allowed) => isMatch(allowed, incoming));
    if (pattern !== undefined) used.add(pattern);
    if (options.hang !== undefined && isMatch(options.hang, incoming)) options.onHang?.();
    else if (pattern === undefined) response.writeHead(403).end(JSON.stringify({ message: 'the proxy refuses this' }));
    else forward(engine, incoming, response, pattern === options.fail);
  });
  server.listen(socket);
  await once(server, 'listening');
  return {
    socket,
    used,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      folder.remove();
    },
  };
}

function isMatch(pattern: string, { method, url = '' }: IncomingMessage): boolean {
  const [path = ''] = url.split('?');
  const expression = pattern.replaceAll('.', '\\.').replaceAll('{name}', '[^/]+').replaceAll('{image}', '.+');
  return new RegExp(`^${expression}$`).test(`${method ?? ''} ${path}`);
}

function forward(engine: TestDocker, incoming: IncomingMessage, response: ServerResponse, isLost: boolean): void {
  const url = URL.parse(engine.host);
  const target = engine.socket === undefined ? { host: url?.hostname, port: url?.port } : { socketPath: engine.socket };
  const outgoing = request({ ...target, method: incoming.method, path: incoming.url, headers: incoming.headers }, (answer) => {
    if (isLost) {
      answer.resume();
      answer.on('end', () => response.writeHead(500).end(JSON.stringify({ message: 'the answer is lost' })));
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  outgoing.on('error', () => response.destroy());
  incoming.pipe(outgoing);
}
