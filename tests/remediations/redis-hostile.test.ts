import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { RedisConnection } from '../../src/domain/connection.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { parseParameters } from '../../src/domain/parameter.ts';
import { matchesPattern } from '../../src/domain/pattern.ts';
import type { AnyRemediation } from '../../src/domain/remediation.ts';
import { bigKeys } from '../../src/remediations/redis/big-keys.ts';
import { info } from '../../src/remediations/redis/info.ts';
import { saveRdb } from '../../src/remediations/redis/save-rdb.ts';
import { redisConnection, startGuardedRedis } from '../support/guarded-redis.ts';
import { describeWith } from '../support/servers/describe-with.ts';
import { createTemporaryDirectory } from '../support/servers/temporary-directory.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

const MIB = 2 ** 20;

/** A server that is in the hands of somebody else: it answers each piece that it gets as it likes. */
async function startHostileServer(answer: (socket: Socket, request: string) => void) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => answer(socket, bytes.toString('latin1')));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    url: `redis://remedyd:geheim@127.0.0.1:${address.port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

/** Writes for ever, as fast as it is read. */
function flood(socket: Socket): void {
  const piece = Buffer.alloc(MIB, 'x');
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on('drain', more);
  more();
}

describeWith('redis', 'a Redis in the hands of somebody else', () => {
  const folder = createTemporaryDirectory('redis-hostile');
  const directory = join(folder.path, 'backups');
  beforeAll(() => {
    mkdirSync(directory);
  });
  afterAll(() => folder.remove());

  async function perform(remediation: AnyRemediation, given: JsonObject, url: string): Promise<JsonObject> {
    const connection: RedisConnection = { ...redisConnection(url), backupDirectories: [directory] };
    const context = createStepContext(connection);
    return await remediation.run(
      await remediation.plan(parseParameters(remediation.params, given, matchesPattern), context),
      context,
    );
  }

  it.each([
    [
      'as Redis itself does where AUTH was renamed',
      (words: string) => `unknown command 'AUTH', with args beginning with: ${words}`,
    ],
    ['in words of its own', (words: string) => `what is ${words}?`],
  ])('is told the password, and it is in no error when the server quotes it %s', async (_how, quote) => {
    await using hostile = await startHostileServer((socket, request) => {
      const words = [...request.matchAll(/\r\n([^$*\r]+)/g)].map(([, word = '']) => `'${word}'`);
      socket.write(`-ERR ${quote(words.slice(1).join(' '))}\r\n`);
    });
    for (const work of [perform(info, {}, hostile.url), perform(saveRdb, { directory }, hostile.url)]) {
      const failure = await stepFailure(work);
      expect(failure).toMatchObject({ code: 'rejected', happened: 'nothing', message: expect.stringContaining('ERR') });
      expect(`${failure.message} ${failure.stack}`).not.toContain('geheim');
    }
  });

  it('cannot replace an older copy by a snapshot that says it is of the same second', async () => {
    const real = await startGuardedRedis({ 'repl-diskless-sync-delay': '0' });
    await real.admin().set('a', '1');
    const { file } = await perform(saveRdb, { directory }, real.url);
    await real.stop();
    if (typeof file !== 'string') throw new Error('there is no copy');
    const snapshot = readFileSync(file);
    writeFileSync(file, 'precious');
    await using hostile = await startHostileServer((socket, request) => {
      if (request.includes('SYNC\r\n')) socket.write(Buffer.concat([Buffer.from(`$${snapshot.length}\r\n`), snapshot]));
      else socket.write('+OK\r\n');
    });
    expect(await perform(saveRdb, { directory }, hostile.url)).toMatchObject({ file: file.replace('Z.rdb', 'Z-2.rdb') });
    expect(readFileSync(file, 'utf8')).toBe('precious');
    expect(readdirSync(directory)).toHaveLength(2);
  });

  it('cannot fill our memory with an answer that has no end', async () => {
    await using hostile = await startHostileServer((socket, request) => {
      if (request.includes('auth')) socket.write('+OK\r\n');
      else if (request.includes('info')) {
        socket.write('$100000000000\r\n');
        flood(socket);
      }
    });
    expect(await stepFailure(perform(info, {}, hostile.url))).toMatchObject({
      code: 'invalid_response',
      message: expect.stringContaining('more than 64 MiB'),
    });
  });

  it('cannot fill our memory with names of keys', async () => {
    const real = await startGuardedRedis();
    try {
      for (let index = 0; index < 40; index += 1) await real.admin().set(Buffer.alloc(2 * MIB, `${index} `), '1');
      expect(await stepFailure(perform(bigKeys, {}, real.url))).toMatchObject({ code: 'invalid_response', happened: 'nothing' });
    } finally {
      await real.stop();
    }
  });
});
