import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { DockerConnection } from '../../src/domain/connection.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { parseParameters } from '../../src/domain/parameter.ts';
import { matchesPattern } from '../../src/domain/pattern.ts';
import type { AnyRemediation } from '../../src/domain/remediation.ts';
import { containerLogs } from '../../src/remediations/docker/container-logs.ts';
import { containerStats } from '../../src/remediations/docker/container-stats.ts';
import { diskUsage } from '../../src/remediations/docker/disk-usage.ts';
import { inspectContainer } from '../../src/remediations/docker/inspect-container.ts';
import { killContainer } from '../../src/remediations/docker/kill-container.ts';
import { restartContainer } from '../../src/remediations/docker/restart-container.ts';
import { stopContainer } from '../../src/remediations/docker/stop-container.ts';
import { createTemporaryDirectory } from '../support/servers/temporary-directory.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

const CONTAINER = {
  Id: 'a'.repeat(64),
  Name: '/web',
  RestartCount: 0,
  Config: { Image: 'x', Tty: true },
  HostConfig: { Memory: 0 },
  State: {
    Status: 'running',
    Running: true,
    OOMKilled: false,
    ExitCode: 0,
    StartedAt: '2026-11-21T02:00:00.123456789Z',
    FinishedAt: '',
  },
};

let folder: ReturnType<typeof createTemporaryDirectory>;
let server: Server;
let connection: DockerConnection;
/** Answers what is not answered with the container. */
let answer: (request: IncomingMessage, response: ServerResponse) => boolean;

beforeAll(async () => {
  folder = createTemporaryDirectory('docker-stops');
  const socket = join(folder.path, 'docker.sock');
  server = createServer((request, response) => {
    if (!answer(request, response))
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(CONTAINER));
  });
  await once(server.listen(socket), 'listening');
  connection = { kind: 'docker', name: 'local', socket, allow: ['web'], allowPrune: false };
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  folder.remove();
});

const WEB = { container: 'web' };

// A request that stays open would hold the engine at work, and us at reading.
it.each<readonly [string, AnyRemediation, JsonObject, string, 'nothing' | 'unknown']>([
  ['reading a log', containerLogs, WEB, '/logs', 'nothing'],
  ['measuring', containerStats, WEB, '/stats', 'nothing'],
  ['adding up the disk', diskUsage, {}, '/system/df', 'nothing'],
  ['inspecting', inspectContainer, WEB, '/json', 'nothing'],
  ['sending a signal', killContainer, { ...WEB, signal: 'HUP' }, '/kill', 'unknown'],
  ['restarting', restartContainer, WEB, '/restart', 'unknown'],
  ['stopping', stopContainer, WEB, '/stop', 'unknown'],
])('the request is closed when %s is stopped, before and in the middle of its answer', async (...row) => {
  const [, remediation, params, path, happened] = row;
  for (const isAnswered of [false, true]) {
    answer = () => false;
    const context = createStepContext(connection);
    const planned = await remediation.plan(parseParameters(remediation.params, params, matchesPattern), context);
    const controller = new AbortController();
    const closed = new Promise((resolve) => {
      answer = (request, response) => {
        if (request.url?.split('?')[0]?.endsWith(path) !== true) return false;
        request.socket.once('close', resolve);
        const stop = () => controller.abort(new DOMException('late', 'TimeoutError'));
        if (isAnswered) response.writeHead(200, { 'content-type': 'application/json' }).write('{"half', stop);
        else stop();
        return true;
      };
    });
    const failure = await stepFailure(remediation.run(planned, createStepContext(connection, { signal: controller.signal })));
    expect(failure).toMatchObject({ code: 'timeout', happened });
    await closed;
  }
});
