import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { describePod } from '../../src/remediations/kubernetes/describe-pod.ts';
import { events } from '../../src/remediations/kubernetes/events.ts';
import { findFiles } from '../../src/remediations/kubernetes/find-files.ts';
import { getConfigMap } from '../../src/remediations/kubernetes/get-config-map.ts';
import { parseQuantity } from '../../src/remediations/kubernetes/parse-quantity.ts';
import { podLogs } from '../../src/remediations/kubernetes/pod-logs.ts';
import { podUsage } from '../../src/remediations/kubernetes/pod-usage.ts';
import { runInContainer } from '../../src/remediations/kubernetes/run-in-container.ts';
import { NAMESPACE, startKubernetesWorld, type KubernetesWorld } from '../support/kubernetes-world.ts';
import { at, textAt } from '../support/servers/kubernetes/api-object.ts';
import type { ExecOutcome } from '../support/servers/kubernetes/exec-socket.ts';
import { createTemporaryDirectory } from '../support/servers/temporary-directory.ts';
import { stepFailure } from '../support/step-failure.ts';

let world: KubernetesWorld;
let names = 0;

beforeAll(async () => {
  world = await startKubernetesWorld();
});
afterAll(() => world.server.stop());

const deploy = (replicas = 1): string => {
  names += 1;
  world.deploy(`app-${names}`, { replicas });
  return `app-${names}`;
};
const podOf = (name: string): string => world.podsOf(name)[0]?.metadata.name ?? '';
const write = (pod: string, container: string, lines: readonly string[], agoMs = 0): void => {
  const atMs = Date.now() - agoMs;
  world.server.logs.set(
    `${NAMESPACE}/${pod}/${container}`,
    lines.map((text) => ({ text, at: atMs })),
  );
};
/** Makes a pod of two containers, without a controller. */
const createPair = (annotations: Record<string, string> = {}): string => {
  names += 1;
  const name = `pair-${names}`;
  const spec = { containers: [{ name: 'main' }, { name: 'sidecar' }] };
  world.server.create('Pod', NAMESPACE, { metadata: { name, annotations }, spec, status: { phase: 'Running' } });
  write(name, 'main', ['from main']);
  write(name, 'sidecar', ['from sidecar']);
  return name;
};

describe('kubernetes.pod_logs', () => {
  it('reads the last lines of a pod', async () => {
    const name = deploy();
    write(podOf(name), name, ['one', 'two', 'three']);
    expect(await world.do(podLogs, { pod: podOf(name), tail: 2 })).toEqual({
      pod: podOf(name),
      container: name,
      lines: ['two', 'three'],
      text: 'two\nthree',
      count: 2,
      truncated: false,
    });
  });

  it('reads the run before, and says when there was none', async () => {
    const name = deploy();
    expect(await stepFailure(world.do(podLogs, { pod: podOf(name), previous: true }))).toMatchObject({
      code: 'rejected',
      message: expect.stringContaining('previous terminated container'),
    });
    write(podOf(name), `${name}/previous`, ['panic: no DATABASE_URL']);
    expect(await world.do(podLogs, { pod: podOf(name), previous: true })).toMatchObject({ text: 'panic: no DATABASE_URL' });
  });

  it('finds lines by an RE2 expression, and those of the last time', async () => {
    const name = deploy();
    write(podOf(name), name, ['INFO a', 'ERROR b', 'FATAL c', 'INFO d']);
    expect(await world.do(podLogs, { pod: podOf(name), match: 'ERROR|FATAL', tail: 1 })).toMatchObject({
      lines: ['FATAL c'],
      count: 2,
    });
    write(podOf(name), name, ['old'], 3_600_000);
    expect(await world.do(podLogs, { pod: podOf(name), since: '5m' })).toMatchObject({ lines: [], text: '', count: 0 });
    expect(await stepFailure(world.plan(podLogs, { pod: podOf(name), match: '(' }))).toMatchObject({ code: 'invalid_value' });
  });

  it('takes the pod of a Deployment that was restarted most often', async () => {
    const name = deploy(3);
    const [, second] = world.podsOf(name);
    if (second === undefined) throw new Error('nothing was deployed');
    const status = at(second, 'status');
    const [container] = [at(status, 'containerStatuses')].flat();
    const restarted = { ...Object(status), containerStatuses: [{ ...Object(container), restartCount: 4 }] };
    world.server.freeze('Pod', NAMESPACE, second.metadata.name, { status: restarted });
    write(second.metadata.name, name, ['crashed']);
    expect(await world.do(podLogs, { deployment: name })).toMatchObject({ pod: second.metadata.name, text: 'crashed' });
  });

  it('asks for the container where the pod has several and no default', async () => {
    expect(await stepFailure(world.do(podLogs, { pod: createPair() }))).toMatchObject({
      code: 'missing_value',
      message: expect.stringContaining('main, sidecar'),
    });
    expect(await world.do(podLogs, { pod: createPair(), container: 'sidecar' })).toMatchObject({ text: 'from sidecar' });
    const annotated = createPair({ 'kubectl.kubernetes.io/default-container': 'main' });
    expect(await world.do(podLogs, { pod: annotated })).toMatchObject({ container: 'main', text: 'from main' });
    expect(await stepFailure(world.do(podLogs, { pod: annotated, container: 'other' }))).toMatchObject({ code: 'not_found' });
  });

  it('keeps the last 16 KiB and says so', async () => {
    const name = deploy();
    write(podOf(name), name, [...Array.from({ length: 100 }, () => 'x'.repeat(1_000)), 'the end']);
    const output = await world.do(podLogs, { pod: podOf(name) });
    expect(output).toMatchObject({ truncated: true, count: 101, text: expect.stringMatching(/\nthe end$/) });
    expect(textAt(output, 'text').length).toBeLessThanOrEqual(16_384);
    write(podOf(name), name, ['y'.repeat(100_000)]);
    expect(textAt(await world.do(podLogs, { pod: podOf(name) }), 'text')).toHaveLength(16_384);
  });

  it.each([[{}], [{ pod: 'a', deployment: 'b' }], [{ pod: 'a/log' }], [{ pod: 'a', tail: 0 }], [{ pod: '' }]])(
    'refuses %j',
    async (params) => {
      await expect(world.plan(podLogs, params)).rejects.toThrow(/pod|tail/);
    },
  );
});

describe('kubernetes.events', () => {
  const tell = (kind: string, name: string, agoMs: number, parts: Record<string, unknown> = {}): void => {
    names += 1;
    world.server.create('Event', NAMESPACE, {
      metadata: { name: `event-${names}` },
      involvedObject: { kind, name, uid: `uid-of-${name}` },
      type: 'Warning',
      reason: 'BackOff',
      message: 'Back-off restarting',
      count: 3,
      firstTimestamp: null,
      lastTimestamp: new Date(Date.now() - agoMs).toISOString(),
      ...parts,
    });
  };

  it('reads the newest of one object', async () => {
    tell('Pod', 'noisy', 60_000, { reason: 'Older' });
    tell('Pod', 'noisy', 1_000, { reason: 'Newer', message: 'x'.repeat(5_000) });
    tell('Deployment', 'noisy', 0);
    const output = await world.do(events, { object: 'pod/noisy', limit: 1 });
    expect(output).toMatchObject({ count: 2, events: [{ object: 'pod/noisy', type: 'Warning', reason: 'Newer', count: 3 }] });
    expect(JSON.stringify(output).length).toBeLessThan(1_000);
  });

  it('reads those of the namespace, also of the newer kind, over several pages', async () => {
    tell('Job', 'newer', 0, { count: undefined, lastTimestamp: null, eventTime: '2999-01-01T00:00:00.000000Z' });
    for (let count = 0; count < 600; count += 1) tell('Pod', 'busy', 500_000 + count);
    const output = await world.do(events, {});
    expect(output['events']).toHaveLength(20);
    expect([output['events']].flat()[0]).toMatchObject({ object: 'job/newer', last_at: '2999-01-01T00:00:00.000Z', count: 1 });
    expect(output['count']).toBeGreaterThan(600);
  });

  it.each(['noisy', 'secret/x', 'pod/', 'pod/a/b', 'pod/a,b', 'Pod/a', 'constructor/a'])(
    'refuses the object %s',
    async (object) => {
      expect(await stepFailure(world.plan(events, { object }))).toMatchObject({ code: 'invalid_value', happened: 'nothing' });
    },
  );
});

describe('kubernetes.describe_pod', () => {
  it('says why a container does not run, and leaves its environment out', async () => {
    const state = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } };
    const lastState = { terminated: { reason: 'OOMKilled', exitCode: 137, finishedAt: null } };
    world.server.create('Pod', NAMESPACE, {
      metadata: { name: 'sick', uid: 'uid-of-sick' },
      spec: {
        nodeName: 'worker-1',
        containers: [{ name: 'app', image: 'app:2', env: [{ name: 'DB', value: 'geheim' }] }],
        initContainers: [{ name: 'init', image: 'init:1' }],
      },
      status: {
        phase: 'Running',
        startTime: '2026-11-21T02:10:00Z',
        conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady', message: 'not\nready' }],
        containerStatuses: [{ name: 'app', ready: false, restartCount: 7, state, lastState }],
        initContainerStatuses: [{ name: 'init', ready: true, state: { terminated: { reason: 'Completed' } } }],
      },
    });
    world.server.create('Event', NAMESPACE, {
      metadata: { name: 'event-of-sick' },
      involvedObject: { kind: 'Pod', name: 'sick', uid: 'uid-of-sick' },
      reason: 'BackOff',
    });
    const output = await world.do(describePod, { pod: 'sick' });
    expect(output).toEqual({
      pod: 'sick',
      phase: 'Running',
      ready: false,
      restarts: 7,
      node: 'worker-1',
      owner: '',
      started_at: '2026-11-21T02:10:00.000Z',
      containers: [
        expect.objectContaining({ name: 'init', state: 'terminated', reason: 'Completed', exit_code: 0 }),
        {
          name: 'app',
          image: 'app:2',
          ready: false,
          restarts: 7,
          state: 'waiting',
          reason: 'CrashLoopBackOff',
          exit_code: -1,
          last_reason: 'OOMKilled',
          last_exit_code: 137,
        },
      ],
      conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady', message: 'not ready' }],
      events: [expect.objectContaining({ object: 'pod/sick', reason: 'BackOff' })],
    });
    expect(JSON.stringify(output)).not.toContain('geheim');
  });

  it('fails for a pod that is not there', async () => {
    expect(await stepFailure(world.do(describePod, { pod: 'nobody' }))).toMatchObject({ code: 'not_found' });
  });
});

describe('kubernetes.pod_usage', () => {
  const measure = (pod: string, app: string, cpu: string, memory: string): void => {
    world.server.create('PodMetrics', NAMESPACE, {
      metadata: { name: pod, labels: { app } },
      containers: [{ name: app, usage: { cpu, memory } }],
    });
  };

  it('adds up the pods of a Deployment, and relates them to their limits', async () => {
    names += 1;
    const name = `used-${names}`;
    const limits = { limits: { memory: '128Mi', cpu: 1 } };
    const template = { metadata: { labels: { app: name } }, spec: { containers: [{ name, image: 'x', resources: limits }] } };
    world.deploy(name, { template });
    const [first = '', second = ''] = world.podsOf(name).map(({ metadata }) => metadata.name);
    measure(first, name, '250m', '64Mi');
    measure(second, name, '1500000n', '32Mi');
    const output = await world.do(podUsage, { deployment: name });
    expect(output).toMatchObject({ count: 2, memory: 96 * 2 ** 20, worst_memory_ratio: 0.5 });
    expect(output['cpu']).toBeCloseTo(0.2515);
    expect(output['pods']).toEqual([
      { pod: first, cpu: 0.25, memory: 64 * 2 ** 20, memory_ratio: 0.5 },
      expect.objectContaining({ pod: second, memory_ratio: 0.25 }),
    ]);
    expect(await world.do(podUsage, { selector: `app in (${name})` })).toMatchObject({ count: 2 });
  });

  it('says that the cluster has no metrics', async () => {
    world.server.hasMetrics = false;
    expect(await stepFailure(world.do(podUsage, { deployment: deploy() }))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('metrics-server'),
    });
    world.server.hasMetrics = true;
  });

  it.each([[{}], [{ selector: ' ' }], [{ selector: '' }], [{ selector: 'a=b', deployment: 'c' }]])(
    'refuses %j',
    async (params) => {
      await expect(world.plan(podUsage, params)).rejects.toThrow(/selector/);
    },
  );

  it.each([
    ['0', 0],
    ['250m', 0.25],
    ['1500000n', 0.0015],
    ['128Mi', 134_217_728],
    ['1.5Gi', 1_610_612_736],
    ['1e3', 1_000],
    ['2k', 2_000],
    ['', undefined],
    ['12x', undefined],
    ['1KiB', undefined],
  ])('reads the quantity %j', (text, value) => {
    const parsed = parseQuantity(text);
    if (value === undefined) expect(parsed).toBeUndefined();
    else expect(parsed).toBeCloseTo(value);
  });
});

describe('kubernetes.get_config_map', () => {
  it('reads keys and values, and hides what looks like a secret', async () => {
    world.server.create('ConfigMap', NAMESPACE, {
      metadata: { name: 'settings' },
      data: {
        LOG_LEVEL: 'info',
        DATABASE_URL: 'postgres://app:geheim@db/app',
        REDIS_URL: 'redis://cache:6379/0',
        API_KEY: 'geheim',
        'app.ini': '[db]\npassword = geheim',
      },
      binaryData: { logo: 'AAAA' },
    });
    const output = await world.do(getConfigMap, { name: 'settings' });
    expect(output).toEqual({
      name: 'settings',
      data: {
        API_KEY: '[hidden]',
        'app.ini': '[hidden]',
        DATABASE_URL: '[hidden]',
        LOG_LEVEL: 'info',
        logo: '[binary]',
        REDIS_URL: 'redis://cache:6379/0',
      },
      keys: ['API_KEY', 'DATABASE_URL', 'LOG_LEVEL', 'REDIS_URL', 'app.ini', 'logo'],
      truncated: false,
    });
  });

  it('is bounded', async () => {
    const data = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`k${index}`, 'v'.repeat(5_000)]));
    world.server.create('ConfigMap', NAMESPACE, { metadata: { name: 'large' }, data });
    const output = await world.do(getConfigMap, { name: 'large' });
    expect(output).toMatchObject({ truncated: true });
    expect(output['keys']).toHaveLength(100);
    expect(JSON.stringify(output['data']).length).toBeLessThan(20_000);
  });
});

describe('a message of an API server', () => {
  it('without an end fills no memory', async () => {
    const server = createServer();
    server.on('upgrade', (request, socket) => {
      const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
      const accept = createHash('sha1')
        .update(`${request.headers['sec-websocket-key'] ?? ''}${guid}`)
        .digest('base64');
      const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
      const rest = [`Sec-WebSocket-Accept: ${accept}`, 'Sec-WebSocket-Protocol: v5.channel.k8s.io', '', ''];
      socket.write([...head, ...rest].join('\r\n'));
      // Binary, without the bit that says it is the last part, 32 KiB.
      const part = Buffer.concat([Buffer.from([0x02, 126, 0x80, 0x00]), Buffer.alloc(32_768, 1)]);
      const more = (): void => {
        while (!socket.destroyed && socket.write(part));
      };
      socket.on('error', () => undefined);
      socket.on('drain', more);
      more();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    const config = new KubeConfig();
    config.loadFromClusterAndUser({ name: 'c', server: 'http://127.0.0.1', skipTLSVerify: true }, { name: 'u' });
    const api = {
      connection: world.connection,
      server: new URL(`http://127.0.0.1:${address.port}`),
      config,
      signal: new AbortController().signal,
    };
    const command = { namespace: NAMESPACE, pod: 'a', container: 'a', argv: ['find'] as const, isChange: false };
    try {
      expect(await stepFailure(runInContainer(api, command))).toMatchObject({ message: expect.stringContaining('too long') });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

describe('kubernetes.find_files', () => {
  const directory = createTemporaryDirectory('pod-files');
  afterAll(() => {
    directory.remove();
  });

  /** Runs the very program, as the container would. */
  const runHere = (prefix: readonly string[], argv: readonly string[]): ExecOutcome => {
    const [program = '', ...rest] = [...prefix, ...argv];
    try {
      return { exit: 0, stdout: execFileSync(program, rest, { encoding: 'utf8', stdio: 'pipe' }) };
    } catch (error) {
      return { exit: Number(at(error, 'status') ?? 1), stderr: textAt({ ...Object(error) }, 'stderr') };
    }
  };

  it('lists files by pattern and age in every pod that runs, newest first', async () => {
    const app = join(directory.path, 'app');
    mkdirSync(join(app, 'sub'), { recursive: true });
    for (const name of ['1.heapsnapshot', '2.heapsnapshot', 'notes.txt', 'sub/3.heapsnapshot'])
      writeFileSync(join(app, name), name);
    utimesSync(join(app, '1.heapsnapshot'), new Date(), new Date(Date.now() - 3_600_000));
    world.server.exec = ({ argv }) => runHere([], argv);
    const deployment = deploy(2);
    const all = await world.do(findFiles, { deployment, match: `${app}/*.heapsnapshot` });
    expect(all).toMatchObject({ count: 4, truncated: false });
    const recent = await world.do(findFiles, { pod: podOf(deployment), match: `${app}/*.heapsnapshot`, newer_than: '5m' });
    expect(recent).toEqual({
      files: [{ pod: podOf(deployment), path: join(app, '2.heapsnapshot'), bytes: 14, modified_at: expect.stringMatching(/Z$/) }],
      count: 1,
      truncated: false,
    });
    expect(await world.do(findFiles, { pod: podOf(deployment), match: `${app}/*.core` })).toMatchObject({ count: 0, files: [] });
  });

  it('fails where it cannot look', async () => {
    world.server.exec = ({ argv }) => runHere([], argv);
    expect(await stepFailure(world.do(findFiles, { pod: podOf(deploy()), match: `${directory.path}/gone/*` }))).toMatchObject({
      code: 'rejected',
      message: expect.stringContaining('No such file or directory'),
    });
    world.server.exec = () => ({ exit: 'missing' });
    expect(await stepFailure(world.do(findFiles, { pod: podOf(deploy()), match: '/app/*' }))).toMatchObject({
      code: 'rejected',
      message: expect.stringContaining('has no find'),
    });
  });

  it('believes no line that the name of a file has made up', async () => {
    const stdout = '1 1700000000 /app/a\n1 1700000000 /etc/shadow\n1 1700000000 /app/sub/b\n1 1700000000 /app/../etc/c\n';
    world.server.exec = () => ({ exit: 0, stdout });
    const output = await world.do(findFiles, { pod: podOf(deploy()), match: '/app/*' });
    expect(output).toMatchObject({ count: 1, files: [{ path: '/app/a' }] });
  });

  it('keeps no more than 64 KiB of what a program says', async () => {
    const line = `12 1700000000 /app/${'x'.repeat(80)}\n`;
    world.server.exec = () => ({ exit: 0, stdout: line.repeat(5_000) });
    const output = await world.do(findFiles, { pod: podOf(deploy()), match: '/app/*' });
    expect(output).toMatchObject({ truncated: true });
    expect(output['files']).toHaveLength(100);
  });

  it.each(['*', 'app/*', '/app/', '/app/../etc/*', '/*/x', '/app/./x', '//x', '/a?/x'])('refuses to match %s', async (match) => {
    expect(await stepFailure(world.plan(findFiles, { pod: 'a', match }))).toMatchObject({ code: 'invalid_value' });
  });
});
