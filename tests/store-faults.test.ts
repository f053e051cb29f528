import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, stat, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import type { Worker } from 'node:worker_threads';
import type { StoreUnavailableError } from '../src/domain/store.ts';
import { SystemClock } from '../src/domain/system-clock.ts';
import { findNetworkFileSystem } from '../src/store/sqlite/network-file-system.ts';
import { SqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { startWorker, WorkerConnection } from '../src/store/sqlite/worker-connection.ts';
import { changesOf, entryOf, runOf } from './support/store-rows.ts';

const KILLS = 20;
const CHILD = join(import.meta.dirname, 'support', 'store-child.ts');

let directory: string;
let path: string;
const stores: SqliteStore[] = [];
const children: ChildProcess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'remedyd-store-'));
  path = join(directory, 'data', 'remedyd.db');
});

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const child of children.splice(0)) await kill(child);
  await rm(directory, { recursive: true });
});

function createStore(at = path, busyTimeoutMs = 50): SqliteStore {
  const store = new SqliteStore({ path: at, clock: new SystemClock(), busyTimeoutMs });
  stores.push(store);
  return store;
}

async function openStore(at = path): Promise<SqliteStore> {
  const store = createStore(at);
  await store.open();
  return store;
}

const saveRun = (store: SqliteStore, id: string): Promise<void> =>
  store.transact((tx) => tx.save(changesOf({ runs: [runOf(id)] })));

function unavailable(code: StoreUnavailableError['code'], message: RegExp | string): object {
  const expected: object = expect.objectContaining({
    name: 'StoreUnavailableError',
    code,
    message: expect.stringMatching(message),
  });
  return expected;
}

/** Starts a process with a store; its lines come in order, `undefined` after the last. */
function startChild(mode: 'hold' | 'write'): {
  readonly child: ChildProcess;
  readonly nextLine: () => Promise<string | undefined>;
} {
  const child = spawn(process.execPath, [CHILD, mode, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const lines: AsyncIterator<string, undefined> = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    child,
    nextLine: async () => (await lines.next()).value,
  };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

describe('the file of a store', () => {
  it('is made with its directory, for its user only', async () => {
    await openStore();
    expect((await stat(dirname(path))).mode & 0o777).toBe(0o700);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(`${path}-wal`)).mode & 0o777).toBe(0o600);
  });

  it('is opened again with what was saved, its log emptied by the close', async () => {
    const store = await openStore();
    await saveRun(store, 'run-1');
    await store.close();
    await store.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
    expect(await (await openStore()).runDetail('run-1')).toBeDefined();
  });

  it('answers that it is closed', async () => {
    const store = await openStore();
    await store.close();
    await expect(saveRun(store, 'run-1')).rejects.toEqual(unavailable('closed', 'is not open'));
    await expect(store.due(0, 1)).rejects.toEqual(unavailable('closed', 'is not open'));
  });

  it('finishes what is under way before it closes', async () => {
    const store = await openStore();
    const saves = Array.from({ length: 10 }, (_, index) => saveRun(store, `run-${index}`));
    await Promise.all([...saves, store.close()]);
    expect(await (await openStore()).runIdsInState(['pending'])).toHaveLength(10);
  });

  it('is refused when it is a directory', async () => {
    await mkdir(path, { recursive: true });
    await expect(createStore().open()).rejects.toEqual(unavailable('io', path));
  });

  it('is refused when its directory cannot be made', async () => {
    await writeFile(join(directory, 'data'), '');
    await expect(createStore().open()).rejects.toEqual(unavailable('io', /cannot be opened: .*(EEXIST|ENOTDIR)/));
  });

  it.each([
    ['it is no database', 'hello, this is a text file and not a database at all'.repeat(100)],
    ['it is shorter than a header', 'SQLite format 3'],
  ])('is refused when %s, and not touched', async (_, content) => {
    await mkdir(dirname(path));
    await writeFile(path, content);
    await expect(createStore().open()).rejects.toEqual(unavailable('io', 'not a SQLite database'));
    expect(await readFile(path, 'utf8')).toBe(content);
  });

  it('is refused when it is cut off', async () => {
    await (await openStore()).close();
    await truncate(path, 4096);
    await expect(createStore().open()).rejects.toEqual(unavailable('io', 'damaged .*: restore a backup'));
  });

  it('is refused when another program made it, and not touched', async () => {
    await mkdir(dirname(path));
    const other = new DatabaseSync(path);
    other.exec('create table theirs (x)');
    other.close();
    const before = await readFile(path);
    await expect(createStore().open()).rejects.toEqual(unavailable('io', 'a database of another program'));
    expect(await readFile(path)).toEqual(before);
  });

  it('is refused when a newer version wrote it, and not touched', async () => {
    await (await openStore()).close();
    const newer = new DatabaseSync(path);
    newer.exec('pragma user_version = 7');
    newer.close();
    await expect(createStore().open()).rejects.toEqual(
      unavailable('io', /a newer remedyd wrote it \(schema 7, this one knows up to 3\)/),
    );
  });

  it('can be opened after it was refused', async () => {
    await mkdir(path, { recursive: true });
    const store = createStore();
    await expect(store.open()).rejects.toThrow();
    await rm(path, { recursive: true });
    await store.open();
    await saveRun(store, 'run-1');
  });

  it('takes no more writes when it is removed, and takes them again when it is back', async () => {
    const store = await openStore();
    await rename(path, `${path}.away`);
    await expect(saveRun(store, 'run-1')).rejects.toEqual(unavailable('io', 'its file was removed or replaced'));
    await expect(store.probe()).rejects.toEqual(unavailable('io', 'its file was removed or replaced'));
    await rename(`${path}.away`, path);
    await saveRun(store, 'run-2');
    expect(await store.runIdsInState(['pending'])).toEqual(['run-2']);
  });

  it('waits for another program that writes it, but not forever', async () => {
    const store = await openStore();
    const other = new DatabaseSync(path);
    other.exec('begin immediate');
    await expect(saveRun(store, 'run-1')).rejects.toEqual(unavailable('locked', 'another program holds its lock'));
    other.exec('rollback');
    await saveRun(store, 'run-2');
    other.close();
    expect(await store.runIdsInState(['pending'])).toEqual(['run-2']);
  });
});

describe('a second process', () => {
  it('is refused while the first lives, and only then', async () => {
    const { child, nextLine } = startChild('hold');
    expect(await nextLine()).toBe('open');
    await expect(createStore().open()).rejects.toEqual(unavailable('locked', 'another remedyd process uses it'));
    await kill(child);
    await saveRun(await openStore(), 'run-1');
  });

  it('is refused under another name of the file', async () => {
    const store = await openStore();
    await symlink(path, join(directory, 'alias.db'));
    await expect(createStore(join(directory, 'alias.db')).open()).rejects.toEqual(
      unavailable('locked', 'another remedyd process'),
    );
    await saveRun(store, 'run-1');
  });

  it('of several that start at once, one gets it', async () => {
    const first = await Promise.all(
      [startChild('hold'), startChild('hold'), startChild('hold')].map(({ nextLine }) => nextLine()),
    );
    expect(first.filter((line) => line === 'open')).toHaveLength(1);
    expect(
      first.filter((line) => line?.startsWith('refused: ') === true && line.includes('another remedyd process uses it')),
    ).toHaveLength(2);
  });
});

describe('kill -9', () => {
  it(`loses nothing that was acknowledged, ${KILLS} times`, async () => {
    const acknowledged: string[] = [];
    for (let round = 0; round < KILLS; round += 1) {
      const { child, nextLine } = startChild('write');
      expect(await nextLine()).toBe('open');
      const enough = acknowledged.length + 1 + Math.floor(Math.random() * 200);
      for (let line = await nextLine(); line !== undefined; line = await nextLine()) {
        acknowledged.push(line);
        if (acknowledged.length === enough) child.kill('SIGKILL');
      }
      await kill(child);
    }
    const saved = new Set(await (await openStore()).runIdsInState(['pending']));
    expect(acknowledged.filter((id) => !saved.has(id))).toEqual([]);
    // Three runs are saved at a time: all of them or none.
    expect(saved.size % 3).toBe(0);
  });
});

describe('a full disk', () => {
  const mounted = mountSmallDisk();
  const whenMounted = mounted === undefined ? it.skip : it;
  afterAll(() => unmount(mounted));

  whenMounted('(needs root and Linux, for a tmpfs of 2 MB) fails saves, and they go on when there is room again', async () => {
    const disk = mounted ?? '';
    const ballast = join(disk, 'ballast');
    await writeFile(ballast, Buffer.alloc(1_000_000));
    const store = await openStore(join(disk, 'data', 'remedyd.db'));
    const saved: string[] = [];
    const saveMany = async (): Promise<void> => {
      for (let index = saved.length; index < 1_000; index += 1) {
        const timeline = [entryOf({ runId: `run-${index}`, text: 'x'.repeat(20_000) })];
        await store.transact((tx) => tx.save(changesOf({ runs: [runOf(`run-${index}`)], timeline })));
        saved.push(`run-${index}`);
      }
    };
    await expect(saveMany()).rejects.toEqual(unavailable('full', 'the disk is full'));
    expect(saved.length).toBeGreaterThan(0);
    const lost = `run-${saved.length}`;
    await expect(
      store.transact((tx) => tx.save(changesOf({ timeline: [entryOf({ text: 'x'.repeat(200_000) })] }))),
    ).rejects.toEqual(unavailable('full', 'the disk is full'));
    expect(await store.runIdsInState(['pending'])).toHaveLength(saved.length);
    expect(await store.runDetail(lost)).toBeUndefined();

    await unlink(ballast);
    await store.probe();
    await saveRun(store, lost);
    await store.close();
    const again = await openStore(join(disk, 'data', 'remedyd.db'));
    expect([...(await again.runIdsInState(['pending']))].sort()).toEqual([...saved, lost].sort());
    await again.close();
  });

  whenMounted('(needs root and Linux) is told when the store cannot even be made', async () => {
    const disk = mounted ?? '';
    await rm(join(disk, 'data'), { recursive: true, force: true });
    await writeFile(join(disk, 'ballast'), Buffer.alloc(2 * 1024 * 1024)).catch(() => undefined);
    await expect(createStore(join(disk, 'data', 'remedyd.db')).open()).rejects.toMatchObject({ code: 'full' });
  });

  function mountSmallDisk(): string | undefined {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
    const point = execFileSync('mktemp', ['-d', join(tmpdir(), 'remedyd-disk-XXXXXX')], { encoding: 'utf8' }).trim();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', point], { stdio: 'ignore' });
      return point;
    } catch {
      // A container without the right to mount.
      execFileSync('rmdir', [point]);
      return undefined;
    }
  }

  function unmount(point: string | undefined): void {
    if (point === undefined) return;
    execFileSync('umount', [point]);
    execFileSync('rmdir', [point]);
  }
});

describe('the thread of a store', () => {
  it('is started again when it dies, and what was under way fails', async () => {
    await mkdir(dirname(path));
    await writeFile(path, '');
    const first = Promise.withResolvers<Worker>();
    const second = Promise.withResolvers<Worker>();
    let isFirst = true;
    const options = { path, readOnly: false, busyTimeoutMs: 50, commitDelayMs: 0, migrations: [['create table note (x)']] };
    const connection = new WorkerConnection(options, new SystemClock(), (given) => {
      const worker = startWorker(given);
      (isFirst ? first : second).resolve(worker);
      isFirst = false;
      return worker;
    });
    await connection.open();
    const write = (): Promise<unknown> =>
      connection.execute({ mode: 'begin', statements: [{ sql: 'insert into note values (?)', rows: [[1]] }], commit: true });
    await write();

    await connection.execute({ mode: 'begin', statements: [{ sql: 'insert into note values (?)', rows: [[2]] }], commit: false });
    const ended = (await first.promise).terminate();
    await expect(write()).rejects.toEqual(unavailable('io', 'its thread ended'));
    await ended;
    await expect(write()).rejects.toEqual(unavailable('io', 'its thread is being started again'));

    await once(await second.promise, 'message');
    await expect(connection.execute({ mode: 'continue', statements: [], commit: true })).rejects.toEqual(
      unavailable('io', 'the transaction is not open any more'),
    );
    await write();
    const { results } = await connection.execute({
      mode: 'snapshot',
      statements: [{ sql: 'select count(*) from note', rows: [[]] }],
      commit: false,
    });
    expect(results).toEqual([[[2]]]);
    await connection.close();
    await expect(write()).rejects.toEqual(unavailable('closed', 'it is closed'));
  });
});

describe('a network file system', () => {
  const MOUNTS = [
    '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw',
    '30 22 0:40 / /mnt/share rw shared:9 master:2 - nfs4 server:/export rw,vers=4.2',
    '31 22 0:41 / /mnt/share/local rw - xfs /dev/vdb rw',
    '32 22 0:42 / /mnt/with\\040space rw - fuse.sshfs host:/ rw',
    '33 22 0:43 / /mnt/hidden rw - cifs //host/x rw',
    '34 22 0:44 / /mnt/hidden rw - tmpfs tmpfs rw',
    '',
  ].join('\n');

  it.each([
    ['/var/lib/remedyd', undefined],
    ['/mnt/share', 'nfs4'],
    ['/mnt/share/a/b', 'nfs4'],
    ['/mnt/shared', undefined],
    ['/mnt/share/local/a', undefined],
    ['/mnt/with space/a', 'fuse.sshfs'],
    ['/mnt/hidden', undefined],
  ])('at %s is %s', (place, type) => {
    expect(findNetworkFileSystem(place, MOUNTS)).toBe(type);
  });
});
