import { Redis } from 'ioredis';
import { RE2JS } from 're2js';
import type { Json } from '../../src/domain/json.ts';
import { parseParameters } from '../../src/domain/parameter.ts';
import type { Plan } from '../../src/domain/remediation.ts';
import { killIdleClients } from '../../src/remediations/redis/kill-idle-clients.ts';
import { parseClientList } from '../../src/remediations/redis/parse-client-list.ts';
import { redisConnection, startGuardedRedis, type GuardedRedis } from '../support/guarded-redis.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { startSilentServer } from '../support/silent-server.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

// Exactly what the notes of the remediation ask for.
const RIGHTS = '+client|list +client|kill';

const LINE =
  'id=7 addr=10.0.0.7:5312 laddr=10.0.0.1:6379 fd=8 name=web age=90 idle=60 flags=N db=2 sub=0 psub=0 ssub=0 multi=-1 events=r cmd=get user=app redir=-1 resp=2';

const parse = (params: Record<string, Json>) =>
  parseParameters(killIdleClients.params, params, (pattern, text) => RE2JS.compile(pattern).matches(text));

describe('parseClientList', () => {
  it('reads what a server says about its clients', () => {
    expect(parseClientList(`${LINE}\nid=8 addr=/run/my redis/s:0 name= age=1 idle=0 flags=U multi=-1 user=\n\n`)).toEqual([
      {
        id: 7,
        address: '10.0.0.7:5312',
        name: 'web',
        user: 'app',
        ageSeconds: 90,
        idleSeconds: 60,
        database: 2,
        command: 'get',
        isPlain: true,
      },
      expect.objectContaining({ id: 8, address: '/run/my redis/s:0', name: '', user: '', idleSeconds: 0, isPlain: true }),
    ]);
  });

  it.each(['S', 'M', 'O', 'P', 'b', 'x', 'd', 'c', 'A', 't', 'B', 'NS', 'NP', 'Z', ''])(
    'protects clients with the flags %p',
    (flags) => {
      const parsed = parseClientList(LINE.replace('flags=N', `flags=${flags}`));
      expect(parsed).toEqual([expect.objectContaining({ isPlain: false })]);
    },
  );

  it.each([
    ['sub=0', 'sub=1'],
    ['psub=0', 'psub=2'],
    ['ssub=0', 'ssub=1'],
    ['multi=-1', 'multi=0'],
    ['multi=-1', 'multi=3 watch=0'],
    ['multi=-1', 'multi=-1 watch=1'],
    ['multi=-1 ', ''],
  ])('protects clients whose %s is %s', (usual, busy) => {
    expect(parseClientList(LINE.replace(` ${usual}`, ` ${busy}`))).toEqual([expect.objectContaining({ isPlain: false })]);
  });

  it.each(['id=', 'id=x', 'id=-1', 'idle=', 'idle=-5', 'age=old'])('leaves out a line with %p', (field) => {
    const [key = ''] = field.split('=');
    expect(parseClientList(LINE.replace(new RegExp(`(^| )${key}=\\S+`), `$1${field}`))).toEqual([]);
  });
});

describe('redis.kill_idle_clients', () => {
  it.each([
    { idle_for: '0s' },
    { idle_for: '500ms' },
    { limit: 0 },
    { limit: 10_001 },
    { user: '' },
    { name: '' },
    { address: '' },
  ])('refuses %p', (params) => {
    expect(() => parse(params)).toThrow(/least allowed|most allowed|is empty/);
  });
});

describeWith('redis', 'redis.kill_idle_clients on a server', () => {
  let server: GuardedRedis;
  let url: string;
  const clients = new Map<string, Redis>();

  beforeAll(async () => {
    server = await startGuardedRedis();
    url = await server.createUser('remedyd', RIGHTS);
    const app = await server.createUser('app', '~* &* +@all');
    const connect = async (name: string, target = server.url, options = {}): Promise<Redis> => {
      const client = new Redis(target, { retryStrategy: () => null, enableReadyCheck: false, ...options });
      client.on('error', () => undefined);
      await client.client('SETNAME', name);
      clients.set(name, client);
      return client;
    };
    for (const name of ['oldest', 'old-1', 'old-2', 'waking', 'gone']) await connect(name);
    await connect('app-1', app);
    await connect('app-2', app);
    await (await connect('subscriber')).subscribe('news');
    await (await connect('transaction')).call('MULTI');
    await (await connect('tracking', server.url, { protocol: 3 })).call('CLIENT', 'TRACKING', 'ON');
    void (await connect('blocked')).blpop('nothing', 0).catch(() => undefined);
    void (await connect('monitor')).call('MONITOR').catch(() => undefined);
    void (await connect('replica')).call('SYNC').catch(() => undefined);
    while ((await idleNames(1)).length < clients.size);
  });
  afterAll(async () => {
    for (const client of clients.values()) client.disconnect();
    await server.stop();
  });

  const listed = async () => parseClientList(String(await server.admin().client('LIST')));
  const idleNames = async (longerThan: number) =>
    (await listed()).filter(({ name, idleSeconds }) => name !== '' && idleSeconds > longerThan).map(({ name }) => name);
  const contextOf = (target = url) => createStepContext(redisConnection(target));
  const plan = (params: Record<string, Json>): Promise<Plan> =>
    killIdleClients.plan(parse({ idle_for: '1s', ...params }), contextOf());
  const run = (planned: Plan) => killIdleClients.run(planned, contextOf());

  it.each([
    [{ idle_for: '1h' }],
    [{ user: 'nobody' }],
    [{ user: 'ap' }],
    [{ name: 'old-*' }],
    [{ name: 'subscriber' }],
    [{ name: 'transaction' }],
    [{ name: 'tracking' }],
    [{ name: 'blocked' }],
    [{ name: 'monitor' }],
    [{ name: 'replica' }],
    [{ address: '10.0.0.7' }],
    [{ address: '127.0.0.1:1' }],
    [{ address: '127.0.0' }],
  ])('finds nobody with %p', async (params) => {
    expect(await plan(params)).toMatchObject({ count: 0 });
  });

  it('closes only what matches, skips what woke up or went, and says what it left', async () => {
    const ids = new Map((await listed()).map(({ name, id }) => [name, id]));
    const planned = await plan({ user: 'default', address: '127.0.0.1', limit: 5 });
    expect(planned).toMatchObject({
      summary: 'close 5 of 5 idle connections of Redis "cache" (idle for > 1s), oldest first',
      identity: {
        connection: 'cache',
        limit: 5,
        filter: { idle_for_ms: 1_000, user: 'default', address: '127.0.0.1', name: null },
      },
      touches: ['redis:cache'],
      count: 5,
      data: { ids: ['oldest', 'old-1', 'old-2', 'waking', 'gone'].map((name) => ids.get(name)) },
    });
    await clients.get('waking')?.ping();
    await clients.get('gone')?.quit();

    const output = await run(planned);
    expect(output).toMatchObject({ killed: 3, skipped: 2, remaining: 0 });
    expect(output['clients']).toEqual(
      expect.arrayContaining([
        {
          id: ids.get('oldest'),
          address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
          name: 'oldest',
          user: 'default',
          database: 0,
          command: 'client|setname',
          age: expect.any(Number),
          idle: expect.any(Number),
        },
      ]),
    );
    const left = (await listed()).map(({ name }) => name);
    expect(left).not.toEqual(expect.arrayContaining([expect.stringMatching(/^old/)]));
    expect(left).toEqual(
      expect.arrayContaining([
        'waking',
        'app-1',
        'app-2',
        'subscriber',
        'transaction',
        'tracking',
        'blocked',
        'monitor',
        'replica',
      ]),
    );
  });

  it('closes no more than the limit, the longest idle first', async () => {
    const planned = await plan({ user: 'app', limit: 1 });
    expect(planned).toMatchObject({ count: 1, summary: expect.stringContaining('close 1 of 2 idle connections') });
    expect(await run(planned)).toMatchObject({ killed: 1, skipped: 0, remaining: 1, clients: [{ name: 'app-1', user: 'app' }] });
  });

  it.each([
    ['+client|kill', 'client|list'],
    ['+client|list', 'client|kill'],
  ])('with only %s it names %s', async (rights, missing) => {
    const planned = await plan({ name: 'app-2' });
    expect(planned).toMatchObject({ count: 1 });
    const less = await server.createUser('less', rights);
    expect(await stepFailure(killIdleClients.run(planned, contextOf(less)))).toMatchObject({
      code: 'permission_denied',
      happened: 'nothing',
      message: expect.stringContaining(missing),
    });
  });

  it('ends with its step when the server hangs', async () => {
    await using silent = await startSilentServer();
    const context = createStepContext(redisConnection(`redis://127.0.0.1:${silent.port}`), { timeoutMs: 200 });
    expect(await stepFailure(killIdleClients.plan(parse({}), context))).toMatchObject({ code: 'timeout', happened: 'nothing' });
  });
});
