import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { DockerConnection } from '../../src/domain/connection.ts';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import { parseParameters } from '../../src/domain/parameter.ts';
import type { AnyRemediation, Plan, StepContext } from '../../src/domain/remediation.ts';
import { containerLogs } from '../../src/remediations/docker/container-logs.ts';
import { containerStats } from '../../src/remediations/docker/container-stats.ts';
import { inspectContainer } from '../../src/remediations/docker/inspect-container.ts';
import { matchesName } from '../../src/remediations/matches-name.ts';
import { readLogLines } from '../../src/remediations/docker/read-log-lines.ts';
import { restartContainer } from '../../src/remediations/docker/restart-container.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { startDocker, type TestDocker } from '../support/servers/docker.ts';
import { createStepContext } from '../support/step-context.ts';

const PREFIX = 'remedyd-docker-test';
const OUTLIVES_SIGTERM = ['sh', '-c', "trap '' TERM; while :; do sleep 1; done"];

function plan(remediation: AnyRemediation, given: JsonObject, context: StepContext): Promise<Plan> {
  return remediation.plan(
    parseParameters(remediation.params, given, () => true),
    context,
  );
}

function textOf(output: Json | undefined): string {
  if (typeof output !== 'string') throw new Error('the output is no text');
  return output;
}

async function run(remediation: AnyRemediation, given: JsonObject, context: StepContext): Promise<JsonObject> {
  return remediation.run(await plan(remediation, given, context), context);
}

describeWith('docker', 'on a real engine', () => {
  let engine: TestDocker;
  let connection: DockerConnection;

  beforeAll(async () => {
    engine = await startDocker();
    const target = engine.socket === undefined ? { host: engine.host } : { socket: engine.socket };
    connection = { kind: 'docker', name: 'local', allow: [`${PREFIX}-*`], allowPrune: false, ...target };
  }, 120_000);

  afterAll(async () => {
    await engine.stop();
  }, 60_000);

  const context = (overrides: Partial<StepContext> = {}): StepContext => createStepContext(connection, overrides);

  describe('docker.restart_container', () => {
    test('restarts the container, by name', async () => {
      const name = `${PREFIX}-restart`;
      const container = await engine.createContainer({ name, cmd: ['sleep', '600'] });
      const before = await container.inspect();
      const planned = await plan(restartContainer, { container: name, stop_timeout: '1s' }, context());
      expect(planned).toMatchObject({
        identity: { container: name, id: before.Id },
        touches: [`docker:local/${name}`],
        summary: expect.stringContaining(`restart container ${name} (running`),
      });
      expect((await container.inspect()).State.StartedAt).toBe(before.State.StartedAt);
      const output = await restartContainer.run(planned, context());
      const after = await container.inspect();
      expect(after.State.StartedAt).not.toBe(before.State.StartedAt);
      expect(output).toEqual({
        container: name,
        id: before.Id,
        started_at: new Date(after.State.StartedAt).toISOString(),
        previous_started_at: new Date(before.State.StartedAt).toISOString(),
        took: expect.any(Number),
      });
    });

    test('is not repeated with the same plan, and look finds it done', async () => {
      const name = `${PREFIX}-once`;
      const container = await engine.createContainer({ name, cmd: ['sleep', '600'] });
      const planned = await plan(restartContainer, { container: name, stop_timeout: '0s' }, context());
      expect(await restartContainer.look?.(planned, Date.now(), context())).toMatchObject({ state: 'wait' });
      expect(await restartContainer.look?.(planned, Date.now() - 60_000, context())).toEqual({ state: 'not_done' });
      await restartContainer.run(planned, context());
      const { State } = await container.inspect();
      await expect(restartContainer.run(planned, context())).rejects.toMatchObject({
        code: 'precondition_failed',
        happened: 'nothing',
      });
      expect((await container.inspect()).State.StartedAt).toBe(State.StartedAt);
      const look = await restartContainer.look?.(planned, Date.now(), context());
      expect(look).toMatchObject({
        state: 'done',
        output: { container: name, started_at: new Date(State.StartedAt).toISOString() },
      });
    });

    test('that is aborted is unknown; the engine goes on, and look waits until it is done', async () => {
      const name = `${PREFIX}-abort`;
      await engine.createContainer({ name, cmd: OUTLIVES_SIGTERM });
      const planned = await plan(restartContainer, { container: name, stop_timeout: '2s' }, context());
      const events = await engine.client.getEvents({ filters: { container: [name], event: ['kill'] } });
      const controller = new AbortController();
      events.once('data', () => controller.abort(new DOMException('late', 'TimeoutError')));
      const startedAt = Date.now();
      await expect(restartContainer.run(planned, context({ signal: controller.signal }))).rejects.toMatchObject({
        code: 'timeout',
        happened: 'unknown',
      });
      if (events instanceof Readable) events.destroy();
      let look = await restartContainer.look?.(planned, startedAt, context());
      expect(look?.state).toBe('wait');
      while (look?.state === 'wait') {
        await new Promise((resolve) => setTimeout(resolve, 50));
        look = await restartContainer.look?.(planned, startedAt, context());
      }
      expect(look?.state).toBe('done');
    });

    test('starts a container that has stopped', async () => {
      const name = `${PREFIX}-stopped`;
      const container = await engine.createContainer({ name, cmd: ['sleep', '600'], start: false });
      const output = await run(restartContainer, { container: name }, context());
      expect(output.previous_started_at).toBe('0001-01-01T00:00:00.000Z');
      expect((await container.inspect()).State.Running).toBe(true);
    });

    test('finds a Compose service, and names its containers when there are several', async () => {
      const labels = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' };
      const name = `${PREFIX}-shop-web-1`;
      await engine.createContainer({ name, cmd: ['sleep', '600'], labels });
      const oneOff = { ...labels, 'com.docker.compose.oneoff': 'True' };
      await engine.createContainer({ name: `${PREFIX}-shop-web-run`, cmd: ['sleep', '600'], labels: oneOff });
      const output = await run(restartContainer, { project: 'shop', service: 'web', stop_timeout: '0s' }, context());
      expect(output.container).toBe(name);
      await engine.createContainer({ name: `${PREFIX}-shop-web-2`, cmd: ['sleep', '600'], labels });
      await expect(plan(restartContainer, { project: 'shop', service: 'web' }, context())).rejects.toMatchObject({
        code: 'over_limit',
        message: expect.stringContaining(`${name}, ${PREFIX}-shop-web-2`),
      });
      await expect(plan(restartContainer, { project: 'shop', service: 'db' }, context())).rejects.toMatchObject({
        code: 'not_found',
      });
    });

    test('changes nothing outside allow, nor the container that we run in', async () => {
      const name = `${PREFIX}-guarded`;
      const container = await engine.createContainer({ name, cmd: ['sleep', '600'] });
      const { Id, State } = await container.inspect();
      const planned = await plan(restartContainer, { container: name }, context());
      for (const allow of [[], ['other'], [name.slice(0, -1)], [`${name}*x`], [Id]]) {
        const strict = createStepContext({ ...connection, allow });
        await expect(plan(restartContainer, { container: name }, strict)).rejects.toMatchObject({
          code: 'not_allowed',
          happened: 'nothing',
        });
        await expect(restartContainer.run(planned, strict)).rejects.toMatchObject({ code: 'not_allowed' });
      }
      for (const ownContainerId of [Id, Id.slice(0, 12)]) {
        await expect(plan(restartContainer, { container: name }, context({ ownContainerId }))).rejects.toMatchObject({
          code: 'self_harm',
        });
      }
      expect((await container.inspect()).State.StartedAt).toBe(State.StartedAt);
    });

    test('takes a container of the same name for another one', async () => {
      const name = `${PREFIX}-replaced`;
      const container = await engine.createContainer({ name, cmd: ['sleep', '600'] });
      const planned = await plan(restartContainer, { container: name }, context());
      await container.remove({ force: true });
      await expect(restartContainer.run(planned, context())).rejects.toMatchObject({ code: 'not_found', happened: 'nothing' });
      expect(await restartContainer.look?.(planned, Date.now(), context())).toEqual({ state: 'unknown' });
      await engine.createContainer({ name, cmd: ['sleep', '600'] });
      await expect(restartContainer.run(planned, context())).rejects.toMatchObject({
        code: 'precondition_failed',
        happened: 'nothing',
      });
      expect(await restartContainer.look?.(planned, Date.now(), context())).toEqual({ state: 'unknown' });
    });

    test('needs a stop_timeout below its own', async () => {
      const failure = plan(restartContainer, { container: `${PREFIX}-x`, stop_timeout: '30s' }, context({ timeoutMs: 30_000 }));
      await expect(failure).rejects.toMatchObject({ code: 'invalid_value', message: expect.stringContaining('shorter') });
    });
  });

  describe('docker.inspect_container', () => {
    test('reads state, limits and health', async () => {
      const name = `${PREFIX}-inspect`;
      const healthCmd = ['true'];
      await engine.createContainer({ name, cmd: ['sleep', '600'], healthCmd, memoryBytes: 64 * 2 ** 20 });
      const output = await run(inspectContainer, { container: name }, context());
      expect(output).toMatchObject({
        name,
        state: 'running',
        running: true,
        exit_code: 0,
        restart_count: 0,
        memory_limit: 64 * 2 ** 20,
      });
      expect(['starting', 'healthy']).toContain(output.health);
      expect(output.id).toMatch(/^[0-9a-f]{64}$/);
    });

    test('reads how one ended', async () => {
      const name = `${PREFIX}-ended`;
      const container = await engine.createContainer({ name, cmd: ['sh', '-c', 'exit 7'] });
      await container.wait();
      const output = await run(inspectContainer, { container: name }, context());
      expect(output).toMatchObject({
        state: 'exited',
        running: false,
        exit_code: 7,
        health: 'none',
        oom_killed: false,
        memory_limit: 0,
      });
    });

    test('does not take the beginning of an id for a name', async () => {
      const container = await engine.createContainer({ name: `${PREFIX}-by-id`, cmd: ['sleep', '600'] });
      const { Id } = await container.inspect();
      await expect(run(inspectContainer, { container: Id.slice(0, 12) }, context())).rejects.toMatchObject({ code: 'not_found' });
      await expect(run(inspectContainer, { container: 'no-such-container' }, context())).rejects.toMatchObject({
        code: 'not_found',
        happened: 'nothing',
      });
    });
  });

  describe('docker.container_stats', () => {
    test('measures one, and all that match', async () => {
      const names = ['a', 'b'].map((letter) => `${PREFIX}-stats-${letter}`);
      for (const name of names) await engine.createContainer({ name, cmd: ['sleep', '600'] });
      await engine.createContainer({ name: `${PREFIX}-stats-c`, cmd: ['sleep', '600'], start: false });
      const one = await run(containerStats, { container: names[0] ?? '' }, context());
      expect(one.memory_ratio).toBeGreaterThan(0);
      expect(one.memory_ratio).toBeLessThan(1);
      expect(one.containers).toEqual([expect.objectContaining({ name: names[0], memory_usage: one.memory_usage })]);
      const all = await run(containerStats, { container: `${PREFIX}-stats-*` }, context());
      expect(all.containers).toEqual(names.map((name) => expect.objectContaining({ name })));
    });

    test('says when there is nothing to measure', async () => {
      const name = `${PREFIX}-not-running`;
      await engine.createContainer({ name, cmd: ['sleep', '600'], start: false });
      await expect(run(containerStats, { container: name }, context())).rejects.toMatchObject({ code: 'unavailable' });
      await expect(run(containerStats, { container: 'nothing-*' }, context())).rejects.toMatchObject({ code: 'not_found' });
      await expect(run(containerStats, { container: '../*' }, context())).rejects.toMatchObject({ code: 'invalid_value' });
    });
  });

  describe('docker.container_logs', () => {
    test('reads both outputs, the last lines of them, and those that match', async () => {
      const name = `${PREFIX}-logs`;
      const script = 'for i in $(seq 1 300); do echo "line $i"; done; sleep 0.1; echo "ERROR \u001b[31mred" >&2; printf "no end"';
      const container = await engine.createContainer({ name, cmd: ['sh', '-c', script] });
      await container.wait();
      const tail = await run(containerLogs, { container: name, tail: 3 }, context());
      expect(textOf(tail.text).split('\n').sort()).toEqual(['ERROR \u001b[31mred', 'line 300', 'no end']);
      expect(tail.truncated).toBe(false);
      const matching = await run(containerLogs, { container: name, match: 'line (1|2)', tail: 2, since: '1h' }, context());
      expect(matching).toMatchObject({ lines: ['line 298', 'line 299'], text: 'line 298\nline 299', count: 222 });
      expect(await run(containerLogs, { container: name, match: '^nothing$' }, context())).toMatchObject({
        lines: [],
        text: '',
        count: 0,
      });
      await expect(run(containerLogs, { container: name, match: '(' }, context())).rejects.toMatchObject({
        code: 'invalid_value',
      });
    });

    test('keeps the last 64 KiB, and cuts lines without an end', async () => {
      const name = `${PREFIX}-logs-large`;
      const script =
        'head -c 3000000 /dev/zero | tr "\\0" x; echo; for i in $(seq 1 3000); do echo "$i ---------------------------------"; done';
      const container = await engine.createContainer({ name, cmd: ['sh', '-c', script] });
      await container.wait();
      const output = await run(containerLogs, { container: name, tail: 5000 }, context());
      expect(output.truncated).toBe(true);
      expect(textOf(output.text).length).toBeLessThanOrEqual(65_536);
      expect(textOf(output.text)).toMatch(/\n3000 -+$/);
    });
  });
});

describe('a selection', () => {
  const connection: DockerConnection = {
    kind: 'docker',
    name: 'local',
    socket: '/nonexistent/docker.sock',
    allow: ['*'],
    allowPrune: false,
  };

  test.each([
    [{}, 'missing_value'],
    [{ project: 'shop' }, 'missing_value'],
    [{ service: 'web' }, 'missing_value'],
    [{ container: 'web', project: 'shop', service: 'web' }, 'invalid_value'],
    [{ container: 'web', service: 'web' }, 'invalid_value'],
  ])('has exactly one form: %j', async (given, code) => {
    for (const remediation of [restartContainer, inspectContainer, containerStats, containerLogs]) {
      await expect(plan(remediation, given, createStepContext(connection))).rejects.toMatchObject({ code, happened: 'nothing' });
    }
  });

  test.each([
    '../web',
    'web/json',
    'web?all=1',
    'web#',
    '%2e%2e',
    'web web',
    '-web',
    '.',
    '..',
    'web\n',
    'web\0',
    '/web',
    'wéb',
    'x'.repeat(256),
    '{"a":1}',
  ])('that is no plain name never reaches the engine: %j', async (text) => {
    for (const remediation of [restartContainer, inspectContainer, containerStats, containerLogs]) {
      for (const given of [{ container: text }, { project: text, service: 'web' }, { project: 'shop', service: text }]) {
        await expect(plan(remediation, given, createStepContext(connection))).rejects.toMatchObject({
          code: 'invalid_value',
          happened: 'nothing',
        });
      }
    }
  });
});

describe('an engine that is not well', () => {
  let directory: string;
  let server: Server;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let requests: string[];
  let connection: DockerConnection;

  const details = {
    Id: 'a'.repeat(64),
    Name: '/web',
    RestartCount: 0,
    Config: { Image: 'x', Tty: false },
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
  const send = (response: ServerResponse, status: number, body: unknown): unknown =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  /** Inspecting works; what else is asked is answered by `rest`. */
  const answerInspect =
    (rest: typeof answer): typeof answer =>
    (request, response) =>
      request.url?.endsWith('/json') === true ? send(response, 200, details) : rest(request, response);

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'remedyd-docker-'));
    requests = [];
    server = createServer((request, response) => {
      requests.push(`${request.method} ${request.url}`);
      answer(request, response);
    });
    const socket = join(directory, 'docker.sock');
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    connection = { kind: 'docker', name: 'local', socket, allow: ['*'], allowPrune: false };
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(directory, { recursive: true });
  });

  const restart = (overrides: Partial<StepContext> = {}): Promise<JsonObject> =>
    run(restartContainer, { container: 'web' }, createStepContext(connection, overrides));

  test.each([
    [404, 'not_found', 'nothing'],
    [403, 'permission_denied', 'nothing'],
    [409, 'rejected', 'nothing'],
    [500, 'rejected', 'unknown'],
  ] as const)('and answers %i to a restart: %s, %s', async (status, code, happened) => {
    answer = answerInspect((_request, response) => send(response, status, { message: 'the engine says why' }));
    await expect(restart()).rejects.toMatchObject({ code, happened, message: expect.stringContaining('the engine says why') });
  });

  test('and drops a restart: unknown; and an inspection: nothing', async () => {
    answer = answerInspect((request) => request.socket.destroy());
    await expect(restart()).rejects.toMatchObject({ code: 'unavailable', happened: 'unknown' });
    answer = (request) => request.socket.destroy();
    await expect(restart()).rejects.toMatchObject({ code: 'unavailable', happened: 'nothing' });
  });

  test.each(['[]', '{}', 'null', 'not json', '{"Id":1}'])(
    'and answers %s to an inspection: invalid_response, and nothing is restarted',
    async (body) => {
      answer = (_request, response) => response.end(body);
      await expect(restart()).rejects.toMatchObject({ code: 'invalid_response', happened: 'nothing' });
      expect(requests).toEqual(['GET /containers/web/json']);
    },
  );

  test('and hangs: the step ends at its abort, before, during and after the head of an answer', async () => {
    for (const hang of [
      () => undefined,
      (_request: IncomingMessage, response: ServerResponse) => void response.writeHead(200, { 'content-length': 100 }).write('{'),
    ]) {
      const controller = new AbortController();
      answer = (request, response) => {
        hang(request, response);
        setImmediate(() => controller.abort(new DOMException('late', 'TimeoutError')));
      };
      await expect(restart({ signal: controller.signal })).rejects.toMatchObject({ code: 'timeout', happened: 'nothing' });
    }
    const controller = new AbortController();
    answer = answerInspect(() => controller.abort(new Error('cancelled')));
    await expect(restart({ signal: controller.signal })).rejects.toMatchObject({ code: 'aborted', happened: 'unknown' });
  });

  test('and breaks off in the middle of a restart’s answer: the step still ends', async () => {
    const controller = new AbortController();
    answer = answerInspect((request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{', () => {
        request.socket.destroy();
        controller.abort(new DOMException('late', 'TimeoutError'));
      });
    });
    await expect(restart({ signal: controller.signal })).rejects.toMatchObject({ happened: 'unknown' });
  });

  test('and is too slow to inspect: nothing is restarted', async () => {
    answer = answerInspect((_request, response) => send(response, 204, ''));
    const planned = await plan(restartContainer, { container: 'web' }, createStepContext(connection));
    const context = createStepContext(connection);
    let monotonic = 0;
    const clock = { ...context.clock, now: () => 0, monotonic: () => (monotonic += 6_000) };
    requests = [];
    await expect(restartContainer.run(planned, { ...context, clock })).rejects.toMatchObject({
      code: 'unavailable',
      happened: 'nothing',
    });
    expect(requests).toEqual(['GET /containers/web/json']);
  });

  test('passes its time limit on in seconds, rounded up', async () => {
    answer = answerInspect((_request, response) => response.writeHead(204).end());
    await run(restartContainer, { container: 'web', stop_timeout: '1500ms' }, createStepContext(connection));
    expect(requests).toContain(`POST /containers/${details.Id}/restart?t=2`);
  });

  test('or is not there at all, or may not be used', async () => {
    const missing = createStepContext({ ...connection, socket: join(directory, 'no.sock') });
    await expect(run(restartContainer, { container: 'web' }, missing)).rejects.toMatchObject({
      code: 'unavailable',
      happened: 'nothing',
    });
    const file = join(directory, 'file');
    await writeFile(file, '');
    const noSocket = createStepContext({ ...connection, socket: file });
    await expect(run(restartContainer, { container: 'web' }, noSocket)).rejects.toMatchObject({
      code: 'unavailable',
      happened: 'nothing',
    });
    for (const host of ['unix:///x', 'nonsense', 'ssh://host']) {
      const wrong = createStepContext({ kind: 'docker', name: 'local', host, allow: [], allowPrune: false });
      await expect(run(inspectContainer, { container: 'web' }, wrong)).rejects.toMatchObject({ code: 'invalid_value' });
    }
  });

  test('is the configured one, whatever DOCKER_HOST says', async () => {
    const before = process.env.DOCKER_HOST;
    process.env.DOCKER_HOST = 'tcp://127.0.0.1:1';
    try {
      answer = (_request, response) => send(response, 200, details);
      expect(await run(inspectContainer, { container: 'web' }, createStepContext(connection))).toMatchObject({ name: 'web' });
    } finally {
      if (before === undefined) delete process.env.DOCKER_HOST;
      else process.env.DOCKER_HOST = before;
    }
  });

  test('can be reached over TCP', async () => {
    answer = (_request, response) => send(response, 200, details);
    const tcp = createServer((request, response) => answer(request, response));
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    const address = tcp.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    for (const scheme of ['tcp', 'http']) {
      const remote = createStepContext({
        kind: 'docker',
        name: 'remote',
        host: `${scheme}://127.0.0.1:${port}`,
        allow: [],
        allowPrune: false,
      });
      expect(await run(inspectContainer, { container: 'web' }, remote)).toMatchObject({ name: 'web' });
    }
    tcp.closeAllConnections();
    await new Promise((resolve) => tcp.close(resolve));
  });
});

describe('log frames', () => {
  const frame = (source: number, text: string): Buffer => {
    const header = Buffer.alloc(8);
    header.writeUInt8(source, 0);
    header.writeUInt32BE(Buffer.byteLength(text), 4);
    return Buffer.concat([header, Buffer.from(text)]);
  };

  async function readIn(bytes: Buffer, chunkSize: number, hasTty = false): Promise<readonly string[]> {
    async function* chunks() {
      for (let start = 0; start < bytes.length; start += chunkSize)
        yield await Promise.resolve(bytes.subarray(start, start + chunkSize));
    }
    return (await Array.fromAsync(readLogLines(chunks(), hasTty))).map(({ text }) => text);
  }

  test('are put together whatever the chunks they come in', async () => {
    const bytes = Buffer.concat([frame(1, 'one\ntw'), frame(2, 'err€or\r\n'), frame(1, ''), frame(1, 'o\n\nlast')]);
    for (let chunkSize = 1; chunkSize <= bytes.length; chunkSize += 1) {
      expect(await readIn(bytes, chunkSize)).toEqual(['one', 'err€or', 'two', '', 'last']);
    }
  });

  test('are not looked for in the output of a terminal', async () => {
    expect(await readIn(Buffer.from('\u0001plain\r\ntext\r\n'), 3, true)).toEqual(['\u0001plain', 'text']);
  });

  test('that are none are invalid_response', async () => {
    await expect(readIn(Buffer.from('plain text'), 100)).rejects.toMatchObject({ code: 'invalid_response' });
  });
});

test.each([
  ['dean-*', 'dean-web', true],
  ['dean-*', 'dean-', true],
  ['dean-*', 'my-dean-web', false],
  ['*', 'anything', true],
  ['dean', 'dean', true],
  ['dean', 'dean-1', false],
  ['*-web-*', 'shop-web-1', true],
  ['a*a', 'a', false],
  ['a*b*c', 'axxbyyc', true],
  ['a*b*b', 'ab', false],
  ['a*bc*c', 'abc', false],
  ['de.n', 'dean', false],
  ['', 'x', false],
  ['*a*a*a*a*a*a*a*a*a*a*a*b', 'a'.repeat(250), false],
])('the pattern %s and the name %s: %s', (pattern, name, expected) => {
  expect(matchesName(pattern, name)).toBe(expected);
});
