import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { basename, join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { RedisConnection } from '../../src/domain/connection.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { StepContext } from '../../src/domain/remediation.ts';
import { ByteReader } from '../../src/remediations/redis/byte-reader.ts';
import { RdbCheck } from '../../src/remediations/redis/rdb-check.ts';
import { receiveRdb } from '../../src/remediations/redis/rdb-transfer.ts';
import { saveRdb } from '../../src/remediations/redis/save-rdb.ts';
import { redisConnection, startGuardedRedis, type GuardedRedis } from '../support/guarded-redis.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { freePort } from '../support/servers/free-port.ts';
import { createTemporaryDirectory } from '../support/servers/temporary-directory.ts';
import { startSilentServer } from '../support/silent-server.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

// Exactly what the notes of the remediation ask for.
const SAVE_RIGHTS = '+bgsave +info';
const COPY_RIGHTS = '+sync +replconf';

// With so many keys, and so long for each, a save takes 200 ms: time enough to find it under way.
const SLOW_KEYS = 20;
const SLOW_KEY_US = '10000';

const textOf = (output: JsonObject, name: string): string => {
  const value = output[name];
  if (typeof value !== 'string') throw new Error(`${name} is no text`);
  return value;
};

const fixture = (file: string): string => join(import.meta.dirname, '../fixtures/tls', file);
const MARK = 'm'.repeat(40);

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer, void> {
  for (let from = 0; from < bytes.length; from += size) yield await Promise.resolve(bytes.subarray(from, from + size));
}

const receive = async (sent: string, size: number): Promise<string> => {
  const reader = new ByteReader(inPieces(Buffer.from(sent), size));
  const pieces: Buffer[] = [];
  for await (const piece of receiveRdb({ connection: 'cache', reader, write: () => undefined })) pieces.push(piece);
  return Buffer.concat(pieces).toString();
};

describe('the transfer of an RDB file', () => {
  it.each([1, 2, 3, 7, 39, 40, 41, 1_000])('is read in pieces of %p bytes, by number and by mark', async (size) => {
    const content = `REDIS${'m'.repeat(39)}\r\n$5\r\n${'m'.repeat(20)}end`;
    expect(await receive(`\n\n$${content.length}\r\n${content}\n+more`, size)).toBe(content);
    expect(await receive(`\n$EOF:${MARK}\r\n${content}${MARK}`, size)).toBe(content);
    expect(await receive(`$EOF:${MARK}\r\n${content}${MARK}\n\n`, size)).toBe(content);
  });

  it.each([
    ['', 'unavailable'],
    ['\n\n', 'unavailable'],
    ['$10\r\nREDIS', 'unavailable'],
    [`$EOF:${MARK}\r\nREDIS`, 'unavailable'],
    ['$EOF:short\r\nREDIS', 'invalid_response'],
    ['$-1\r\n', 'invalid_response'],
    ['+OK\r\n', 'invalid_response'],
    ['x'.repeat(5_000), 'invalid_response'],
    ["-NOPERM this user has no permissions to run the 'sync' command\r\n", 'permission_denied'],
    ["-NOMASTERLINK Can't SYNC while not connected with my master\r\n", 'unavailable'],
  ])('of %p fails as %s', async (sent, code) => {
    expect(await stepFailure(receive(sent, 64))).toMatchObject({ code, happened: 'nothing' });
  });
});

describeWith('redis', 'redis.save_rdb', () => {
  const folder = createTemporaryDirectory('redis-backups');
  const allowed = join(folder.path, 'allowed');
  const target = join(allowed, 'cache');
  let server: GuardedRedis;
  let tlsUrl: string;

  beforeAll(async () => {
    for (const path of [target, join(folder.path, 'data'), join(folder.path, 'allowed-not')])
      mkdirSync(path, { recursive: true });
    const tlsPort = await freePort();
    tlsUrl = `rediss://remedyd:geheim@localhost:${tlsPort}/0`;
    server = await startGuardedRedis({
      dir: join(folder.path, 'data'),
      'tls-port': String(tlsPort),
      'tls-cert-file': fixture('server.pem'),
      'tls-key-file': fixture('server-key.pem'),
      'tls-ca-cert-file': fixture('ca.pem'),
      'tls-auth-clients': 'no',
      'repl-diskless-sync-delay': '0',
      'enable-protected-configs': 'yes',
    });
    for (let index = 0; index < SLOW_KEYS; index += 1) {
      await server.admin().set(`key:${index}`, `${index}`.repeat(5_000 * index));
    }
    // More than comes at once, and cannot be compressed.
    await server.admin().set('random', randomBytes(1_000_000));
    await server.admin(3).hset('größe', 'a', '1', 'b', '2');
  });
  afterAll(async () => {
    await server.stop();
    folder.remove();
  });

  const connectionTo = (url: string): RedisConnection => ({ ...redisConnection(url), backupDirectories: [allowed] });
  const contextOf = (url: string, overrides: Partial<StepContext> = {}) => createStepContext(connectionTo(url), overrides);
  const run = async (url: string, params: { directory?: string } = {}, overrides: Partial<StepContext> = {}) =>
    await saveRdb.run(await saveRdb.plan(params, contextOf(url)), contextOf(url, overrides));
  const copy = (url: string, overrides: Partial<StepContext> = {}) => run(url, { directory: target }, overrides);
  const persistence = async (field: string): Promise<string | undefined> =>
    new RegExp(`^${field}:(.*?)\r?$`, 'm').exec(await server.admin().info('persistence'))?.[1];
  const copies = (): string[] => readdirSync(target);

  describe('with a directory', () => {
    // Each names its copy by the second.
    afterEach(() => {
      for (const name of copies()) rmSync(join(target, name));
    });

    it.each([
      ['written to the disk first', 'no'],
      ['sent without a file of the server', 'yes'],
    ])('makes a copy, %s, from which a server has the same keys', async (_how, diskless) => {
      await server.admin().config('SET', 'repl-diskless-sync', diskless);
      const url = await server.createUser('remedyd', COPY_RIGHTS);
      const planned = await saveRdb.plan({ directory: target }, contextOf(url));
      expect(planned).toMatchObject({
        identity: { connection: 'cache', directory: target },
        touches: ['redis:cache', `files:${target}`],
      });
      const output = await saveRdb.run(planned, contextOf(url));

      const file = textOf(output, 'file');
      const content = readFileSync(file);
      const savedAt = textOf(output, 'saved_at');
      expect(output).toEqual({
        file: join(target, `redis-cache-${savedAt.replace('.000', '').replaceAll(/[-:]/g, '')}.rdb`),
        bytes: content.length,
        sha256: createHash('sha256').update(content).digest('hex'),
        checksum: true,
        took: expect.any(Number),
        saved_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/),
      });
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(copies().filter((name) => name.endsWith('.partial'))).toEqual([]);

      const restored = await startGuardedRedis({ dir: target, dbfilename: basename(file) });
      try {
        for (const database of [0, 3]) expect(await restored.dump(database)).toEqual(await server.dump(database));
      } finally {
        await restored.stop();
      }
    });

    it('copies over TLS from a server whose certificate it trusts, and from no other', async () => {
      await server.createUser('remedyd', COPY_RIGHTS);
      expect(await stepFailure(copy(tlsUrl))).toMatchObject({ code: 'unavailable', happened: 'nothing' });
      const trusted = getCACertificates('default');
      setDefaultCACertificates([...trusted, readFileSync(fixture('ca.pem'), 'utf8')]);
      try {
        expect(await copy(tlsUrl)).toMatchObject({ checksum: true });
      } finally {
        setDefaultCACertificates(trusted);
      }
    });

    it('removes what a crash left a day ago, and nothing younger or of others', async () => {
      const old = new Date(Date.now() - 90_000_000);
      const left = [
        'redis-cache-20260101T000000Z-run-1.partial',
        'redis-other-20260101T000000Z-run-1.partial',
        'redis-cache-1.rdb',
      ];
      for (const name of [...left, 'redis-cache-new.partial']) writeFileSync(join(target, name), 'x');
      for (const name of left) utimesSync(join(target, name), old, old);
      await copy(await server.createUser('remedyd', COPY_RIGHTS));
      expect(copies()).not.toContain(left[0]);
      expect(copies()).toEqual(expect.arrayContaining([...left.slice(1), 'redis-cache-new.partial']));
      for (const name of [...left.slice(1), 'redis-cache-new.partial']) rmSync(join(target, name));
    });

    it('says when the server writes no checksums', async () => {
      const plain = await startGuardedRedis({ rdbchecksum: 'no', 'repl-diskless-sync-delay': '0' });
      try {
        expect(await copy(plain.url)).toMatchObject({ checksum: false });
      } finally {
        await plain.stop();
      }
    });

    it('finds a file that was damaged or cut on its way', async () => {
      const whole = readFileSync(textOf(await copy(await server.createUser('remedyd', COPY_RIGHTS)), 'file'));
      const check = (bytes: Buffer): unknown => {
        const checking = new RdbCheck('cache');
        for (let from = 0; from < bytes.length; from += 1_000) checking.update(bytes.subarray(from, from + 1_000));
        return checking.finish();
      };
      expect(check(whole)).toMatchObject({ bytes: whole.length, hasChecksum: true });
      const damaged = Buffer.from(whole);
      damaged.writeUInt8(damaged.readUInt8(500) ^ 1, 500);
      expect(() => check(damaged)).toThrow(/checksum/);
      expect(() => check(whole.subarray(0, -1))).toThrow(/does not/);
      expect(() => check(whole.subarray(1))).toThrow(/does not begin/);
      expect(() => check(Buffer.alloc(0))).toThrow(/does not begin/);
      expect(() => check(Buffer.from('REDIS0010\xff'))).toThrow(/does not end/);
    });

    it.each([
      ['+sync', 'replconf'],
      ['+replconf', 'sync'],
    ])('with only %s it names %s, and leaves no file', async (rights, missing) => {
      const before = copies();
      const failure = await stepFailure(copy(await server.createUser('remedyd', rights)));
      expect(failure).toMatchObject({ code: 'permission_denied', happened: 'nothing' });
      expect(failure.message).toContain(`'${missing}'`);
      expect(copies()).toEqual(before);
    });

    it('leaves no file when the server goes away in the middle', async () => {
      const before = copies();
      const half = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.on('data', (bytes) => {
          if (bytes.includes('SYNC')) socket.end('$1000\r\nREDIS0010');
          else socket.write('+OK\r\n');
        });
      });
      await once(half.listen(0, '127.0.0.1'), 'listening');
      const address = half.address();
      const port = typeof address === 'object' ? address?.port : undefined;
      try {
        expect(await stepFailure(copy(`redis://127.0.0.1:${port ?? 0}`))).toMatchObject({
          code: 'unavailable',
          message: expect.stringContaining('before it had sent all its data'),
        });
      } finally {
        half.close();
      }
      expect(copies()).toEqual(before);
    });

    it('stops when it is cancelled or its time is up, while it connects and while it waits', async () => {
      const before = copies();
      await using silent = await startSilentServer();
      const controller = new AbortController();
      const cancelled = stepFailure(copy(`redis://127.0.0.1:${silent.port}`, { signal: controller.signal }));
      await silent.connected;
      controller.abort();
      expect(await cancelled).toMatchObject({ code: 'aborted', happened: 'nothing' });

      await server.admin().config('SET', 'repl-diskless-sync', 'yes', 'repl-diskless-sync-delay', '60');
      const url = await server.createUser('remedyd', COPY_RIGHTS);
      expect(await stepFailure(copy(url, { timeoutMs: 300 }))).toMatchObject({
        code: 'timeout',
        happened: 'nothing',
        message: 'Redis "cache": the copy did not finish in time',
      });
      while (String(await server.admin().client('LIST')).includes('user=remedyd'));
      await server.admin().config('SET', 'repl-diskless-sync-delay', '0');
      expect(copies()).toEqual(before);
      expect(await stepFailure(copy(url, { signal: AbortSignal.abort() }))).toMatchObject({ code: 'aborted' });
    });

    it.each([
      ['beside', 'allowed-not', 'not_allowed'],
      ['above', '.', 'not_allowed'],
      ['behind dots', 'allowed/../allowed-not', 'not_allowed'],
      ['that is not there', 'allowed/missing', 'not_found'],
      ['behind a link to elsewhere', 'allowed/link', 'not_allowed'],
    ])('refuses a directory %s', async (_where, directory, code) => {
      const link = join(allowed, 'link');
      if (directory === 'allowed/link') symlinkSync(join(folder.path, 'allowed-not'), link);
      expect(await stepFailure(saveRdb.plan({ directory: `${folder.path}/${directory}` }, contextOf(server.url)))).toMatchObject({
        code,
        happened: 'nothing',
      });
    });

    it('refuses a directory that is no longer allowed, or where none is', async () => {
      const planned = await saveRdb.plan({ directory: target }, contextOf(server.url));
      const strict = createStepContext(redisConnection(server.url));
      expect(await stepFailure(saveRdb.plan({ directory: target }, strict))).toMatchObject({ code: 'not_allowed' });
      expect(await stepFailure(saveRdb.run(planned, strict))).toMatchObject({ code: 'not_allowed', happened: 'nothing' });
    });

    const canMount = spawnSync('unshare', ['--map-root-user', '--mount', 'true']).status === 0;
    (canMount ? it : it.skip)('says in one line that the disk is full, and leaves no file', () => {
      const script = `
        import { readdirSync } from 'node:fs';
        import { writeBackupFile } from ${JSON.stringify(join(import.meta.dirname, '../../src/remediations/redis/backup-file.ts'))};
        async function* chunks() { for (let i = 0; i < 64; i += 1) yield Buffer.alloc(16384, 1); }
        const message = await writeBackupFile('.', 'copy', chunks(), () => ({ name: 'copy.rdb' })).catch(({ code, message }) => code + ' ' + message);
        console.log(JSON.stringify([message, readdirSync('.')]));`;
      const { stdout } = spawnSync(
        'unshare',
        [
          ...[
            '--map-root-user',
            '--mount',
            'sh',
            '-c',
            'mount -t tmpfs -o size=256k none "$1" && cd "$1" && exec "$2" --input-type=module -e "$3"',
          ],
          ...['sh', join(folder.path, 'allowed-not'), process.execPath, script],
        ],
        { encoding: 'utf8' },
      );
      expect(JSON.parse(stdout)).toEqual(['rejected ".": the disk is full; free some space. What was written is removed', []]);
    });
  });

  describe('without a directory', () => {
    const slowly = async (work: () => Promise<void>): Promise<void> => {
      await server.admin().config('SET', 'rdb-key-save-delay', SLOW_KEY_US);
      try {
        await work();
      } finally {
        await server.admin().config('SET', 'rdb-key-save-delay', '0');
        while ((await persistence('rdb_bgsave_in_progress')) === '1');
      }
    };

    it('saves on the disk of the server and says when', async () => {
      const url = await server.createUser('remedyd', SAVE_RIGHTS);
      await server.admin().set('new', '1');
      const planned = await saveRdb.plan({}, contextOf(url));
      expect(planned).toMatchObject({ identity: { connection: 'cache', directory: null }, touches: ['redis:cache'] });
      expect(await saveRdb.run(planned, contextOf(url))).toEqual({
        file: '',
        bytes: 0,
        sha256: '',
        checksum: false,
        took: expect.any(Number),
        saved_at: new Date(Number(await persistence('rdb_last_save_time')) * 1_000).toISOString(),
      });
      expect(await persistence('rdb_changes_since_last_save')).toBe('0');
    });

    it('makes another save when one was under way, since that does not hold what was written since', async () => {
      const url = await server.createUser('remedyd', SAVE_RIGHTS);
      await slowly(async () => {
        await server.admin().bgsave();
        await server.admin().set('since', '1');
        await run(url);
        expect(await persistence('rdb_changes_since_last_save')).toBe('0');
      });
    });

    it('saves after a rewrite of the append-only file', async () => {
      const url = await server.createUser('remedyd', SAVE_RIGHTS);
      await slowly(async () => {
        await server.admin().bgrewriteaof();
        await server.admin().set('since', '2');
        await run(url);
        expect(await persistence('rdb_changes_since_last_save')).toBe('0');
        expect(await persistence('aof_rewrite_in_progress')).toBe('0');
      });
    });

    it('cannot cancel the save, and says so', async () => {
      const url = await server.createUser('remedyd', SAVE_RIGHTS);
      await slowly(async () => {
        const controller = new AbortController();
        const failure = stepFailure(run(url, {}, { signal: controller.signal }));
        while ((await persistence('rdb_bgsave_in_progress')) === '0');
        controller.abort();
        expect(await failure).toMatchObject({
          code: 'aborted',
          happened: 'unknown',
          message: expect.stringContaining('goes on, since Redis cannot cancel it'),
        });
      });
    });

    it('fails when the save fails', async () => {
      const url = await server.createUser('remedyd', SAVE_RIGHTS);
      await server.admin().config('SET', 'dbfilename', 'folder.rdb');
      mkdirSync(join(folder.path, 'data', 'folder.rdb'));
      try {
        expect(await stepFailure(run(url))).toMatchObject({
          code: 'rejected',
          happened: 'nothing',
          message: expect.stringContaining('the background save failed'),
        });
      } finally {
        await server.admin().config('SET', 'dbfilename', 'dump.rdb');
        await server.admin().bgsave();
      }
    });

    it.each([
      ['+info', 'bgsave'],
      ['+bgsave', 'info'],
    ])('with only %s it names %s', async (rights, missing) => {
      expect(await stepFailure(run(await server.createUser('remedyd', rights)))).toMatchObject({
        code: 'permission_denied',
        happened: 'nothing',
        message: expect.stringContaining(`'${missing}'`),
      });
    });
  });
});
