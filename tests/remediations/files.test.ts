import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { FilesConnection } from '../../src/domain/connection.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { parseParameters } from '../../src/domain/parameter.ts';
import { matchesPattern } from '../../src/domain/pattern.ts';
import type { AnyRemediation, StepContext } from '../../src/domain/remediation.ts';
import { deleteOlder } from '../../src/remediations/files/delete-older.ts';
import { diskUsage } from '../../src/remediations/files/disk-usage.ts';
import { parseGlob } from '../../src/remediations/files/glob.ts';
import { newest } from '../../src/remediations/files/newest.ts';
import { createTemporaryDirectory } from '../support/servers/temporary-directory.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

const DAY_S = 86_400;
const NAMES = Number(process.env['GLOB_NAMES'] ?? 2_000);
const NOBODY = 65_534;

let folder: ReturnType<typeof createTemporaryDirectory>;
let root: string;
let allowed: string;

beforeEach(() => {
  folder = createTemporaryDirectory('files');
  root = folder.path;
  allowed = join(root, 'backups');
  mkdirSync(allowed);
});
afterEach(() => folder.remove());

/** A file of so many bytes that was modified so many days ago. */
function put(path: string, days: number, bytes = 10): string {
  const file = join(allowed, path);
  writeFileSync(file, 'x'.repeat(bytes));
  const at = Date.now() / 1_000 - days * DAY_S;
  utimesSync(file, at, at);
  return file;
}

function contextOf(allow: readonly string[] = [allowed], overrides: Partial<StepContext> = {}): StepContext {
  const connection: FilesConnection = { kind: 'files', name: 'disk', allow };
  return createStepContext(connection, overrides);
}

function plan(remediation: AnyRemediation, params: JsonObject, context = contextOf()) {
  return remediation.plan(parseParameters(remediation.params, params, matchesPattern), context);
}

async function perform(remediation: AnyRemediation, params: JsonObject, context = contextOf()) {
  return remediation.run(await plan(remediation, params, context), context);
}

const order = (more: JsonObject = {}): JsonObject => ({ directory: allowed, match: '*.gz', older_than: '5d', ...more });

/** Does the work as a user who owns nothing here; the group stays, so the modes below say the same of it. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
const isRoot = process.getuid?.() === 0;

describe('a pattern for names', () => {
  it.each([
    ['*', 'a.gz', true],
    ['*', '.hidden', false],
    ['?hidden', '.hidden', false],
    ['.*', '.hidden', true],
    ['dump-*.gz', 'dump-1.gz', true],
    ['dump-*.gz', 'dump-.gz', true],
    ['dump-*.gz', 'dump-1.gz.tmp', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['?', '😀', true],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
    ['\\[a\\]', '[a]', true],
    ['*a*b*c', 'xaxbxc', true],
    ['*a*b*c', 'xaxbx', false],
    ['**', 'a', true],
  ])('%p against %p is %p', (pattern, name, expected) => {
    expect(parseGlob(pattern).matches(name)).toBe(expected);
  });

  it.each(['a/b', '*/*', '../*', '[a-c]', 'a\\', 'a\\/b', 'a\0'])('refuses %p', (pattern) => {
    expect(() => parseGlob(pattern)).toThrow(/match/);
  });

  it('means what a regular expression of the same pattern means', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), minLength: 1, maxLength: 8 });
    const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 });
    fc.assert(
      fc.property(pattern, name, (glob, text) => {
        const expression = new RegExp(`^${glob.replaceAll('*', '.*').replaceAll('?', '.')}$`);
        expect(parseGlob(glob).matches(text)).toBe(expression.test(text));
      }),
      { numRuns: NAMES },
    );
  });

  it('takes no long time for a hostile one', () => {
    expect(parseGlob(`${'*a'.repeat(100)}b`).matches('a'.repeat(255))).toBe(false);
  });
});

describe('files.newest', () => {
  it('finds the newest regular file that matches', async () => {
    put('old.gz', 3);
    const file = put('new.gz', 1, 77);
    put('newer.txt', 0.1);
    symlinkSync(put('target.txt', 0), join(allowed, 'link.gz'));
    mkdirSync(join(allowed, 'folder.gz'));
    const output = await perform(newest, { directory: allowed, match: '*.gz' });
    expect(output).toMatchObject({ path: file, bytes: 77 });
    expect(Math.round(Number(output['age']) / 1_000)).toBeGreaterThanOrEqual(DAY_S);
  });

  it('looks into folders only when it is told to, and never behind links', async () => {
    const file = put('a.gz', 2);
    mkdirSync(join(allowed, 'deep'));
    const deep = put('deep/b.gz', 1);
    mkdirSync(join(root, 'elsewhere'));
    writeFileSync(join(root, 'elsewhere', 'c.gz'), '');
    symlinkSync(join(root, 'elsewhere'), join(allowed, 'link'));
    expect(await perform(newest, { directory: allowed })).toMatchObject({ path: file });
    expect(await perform(newest, { directory: allowed, recursive: true })).toMatchObject({ path: deep });
  });

  it('fails without a file, without the directory, and on a file', async () => {
    expect(await stepFailure(perform(newest, { directory: allowed }))).toMatchObject({ code: 'not_found', happened: 'nothing' });
    const absent = await stepFailure(perform(newest, { directory: join(root, 'absent') }));
    expect(absent).toMatchObject({ code: 'not_found' });
    expect(absent.message).toContain(join(root, 'absent'));
    expect(await stepFailure(perform(newest, { directory: put('a', 1) }))).toMatchObject({ code: 'invalid_value' });
  });

  // With a label behind it, `/backups/{{ labels.x }}` must not become `/backups` itself.
  it.each(['backups', '/tmp/../etc', '', '/a\0b', '/tmp/.', '/tmp/./', '/tmp//', '/tmp//a'])(
    'refuses the directory %p',
    async (directory) => {
      await expect(perform(newest, { directory })).rejects.toMatchObject({
        code: directory === '' ? 'missing_value' : 'invalid_value',
      });
    },
  );

  it('stops when its time is up', async () => {
    put('a.gz', 1);
    const signal = AbortSignal.abort(new DOMException('', 'TimeoutError'));
    const failure = await stepFailure(perform(newest, { directory: allowed }, contextOf([], { signal })));
    expect(failure).toMatchObject({ code: 'timeout', happened: 'nothing' });
  });
});

describe('files.disk_usage', () => {
  it('says what df says', async () => {
    const output = await perform(diskUsage, { path: allowed });
    const { stdout } = spawnSync('df', ['-B1', '--output=size,pcent,ipcent', allowed], { encoding: 'utf8' });
    const [size, used, inodes] = (stdout.trim().split('\n').at(-1) ?? '').trim().split(/\s+/);
    expect(output['total_bytes']).toBe(Number(size));
    // df rounds up.
    expect(Math.abs(Number(output['used_ratio']) * 100 - Number.parseInt(used ?? '', 10))).toBeLessThanOrEqual(1);
    expect(Math.abs(Number(output['inodes_used_ratio']) * 100 - (Number.parseInt(inodes ?? '', 10) || 0))).toBeLessThanOrEqual(1);
  });

  it('needs a path that is there', async () => {
    expect(await stepFailure(perform(diskUsage, { path: join(root, 'absent') }))).toMatchObject({ code: 'not_found' });
    expect(await stepFailure(perform(diskUsage, { path: 'var' }))).toMatchObject({ code: 'invalid_value' });
  });
});

describe('files.delete_older', () => {
  it('deletes the old files that match, the oldest first, and nothing else', async () => {
    for (let day = 1; day <= 9; day += 1) put(`${day}.gz`, day);
    put('9.txt', 9);
    put('.9.gz', 9);
    mkdirSync(join(allowed, 'deep'));
    put('deep/9.gz', 9);
    mkdirSync(join(allowed, 'folder.gz'));
    symlinkSync(put('precious', 9), join(allowed, 'link.gz'));
    const planned = await plan(deleteOlder, order({ limit: 3 }));
    expect(planned).toMatchObject({
      identity: {
        connection: 'disk',
        directory: allowed,
        match: '*.gz',
        older_than_ms: 5 * DAY_S * 1_000,
        keep_at_least: 1,
        limit: 3,
      },
      touches: [`files:${allowed}`],
      count: 3,
    });
    expect(JSON.stringify(planned.identity)).not.toContain('9.gz');
    expect(await deleteOlder.run(planned, contextOf())).toEqual({
      deleted: 3,
      freed_bytes: 30,
      remaining: 2,
      files: ['9.gz', '8.gz', '7.gz'],
    });
    const rest = ['.9.gz', '1.gz', '2.gz', '3.gz', '4.gz', '5.gz', '6.gz', '9.txt', 'deep', 'folder.gz', 'link.gz', 'precious'];
    expect(readdirSync(allowed)).toEqual(rest);
    expect(existsSync(join(allowed, 'deep', '9.gz'))).toBe(true);
  });

  it('keeps the newest that match, however old', async () => {
    for (const day of [10, 20, 30]) put(`${day}.gz`, day);
    expect(await perform(deleteOlder, order({ keep_at_least: 2 }))).toMatchObject({ deleted: 1, files: ['30.gz'] });
    expect(await perform(deleteOlder, order({ keep_at_least: 2 }))).toEqual({
      deleted: 0,
      freed_bytes: 0,
      remaining: 0,
      files: [],
    });
    expect(await perform(deleteOlder, order())).toMatchObject({ deleted: 1 });
    expect(await perform(deleteOlder, order({ keep_at_least: 0 }))).toMatchObject({ deleted: 1 });
  });

  it('counts neither empty files nor those of the future among the ones to keep', async () => {
    for (const day of [10, 20, 30]) put(`${day}.gz`, day);
    put('failed.gz', 1, 0);
    put('future.gz', -2);
    const output = await perform(deleteOlder, order({ keep_at_least: 2 }));
    expect(output).toMatchObject({ deleted: 1, files: ['30.gz'] });
    expect(readdirSync(allowed)).toEqual(['10.gz', '20.gz', 'failed.gz', 'future.gz']);
  });

  it('deletes old empty files as others', async () => {
    for (const day of [10, 20]) put(`${day}.gz`, day);
    put('failed.gz', 15, 0);
    expect(await perform(deleteOlder, order({ keep_at_least: 1 }))).toMatchObject({ deleted: 2, files: ['20.gz', 'failed.gz'] });
  });

  it('keeps as many when newer ones were lost since the plan', async () => {
    for (const day of [10, 20, 30]) put(`${day}.gz`, day);
    const newer = put('1.gz', 1);
    const planned = await plan(deleteOlder, order({ keep_at_least: 2 }));
    expect(planned.count).toBe(2);
    rmSync(newer);
    expect(await deleteOlder.run(planned, contextOf())).toMatchObject({ deleted: 1, files: ['30.gz'] });
    // Again, as after a crash, does no more.
    expect(await deleteOlder.run(planned, contextOf())).toMatchObject({ deleted: 0 });
  });

  it('leaves a file that was written to, replaced or came since the plan', async () => {
    for (const name of ['a', 'b', 'c', 'd']) put(`${name}.gz`, 20);
    put('new.gz', 0);
    const planned = await plan(deleteOlder, order());
    put('a.gz', 20, 11);
    put('b.gz', 19);
    renameSync(put('c.new', 20), join(allowed, 'c.gz'));
    put('e.gz', 20);
    expect(await deleteOlder.run(planned, contextOf())).toMatchObject({ deleted: 1, files: ['d.gz'] });
    expect(readdirSync(allowed)).toEqual(['a.gz', 'b.gz', 'c.gz', 'e.gz', 'new.gz']);
  });

  it('does not follow a folder that became a link since the plan', async () => {
    mkdirSync(join(allowed, 'deep'));
    put('new.gz', 0);
    const inside = put('deep/a.gz', 20);
    const planned = await plan(deleteOlder, order({ recursive: true }));
    expect(planned.count).toBe(1);
    renameSync(join(allowed, 'deep'), join(root, 'moved'));
    symlinkSync(join(root, 'moved'), join(allowed, 'deep'));
    expect(await deleteOlder.run(planned, contextOf())).toMatchObject({ deleted: 0 });
    expect(existsSync(inside)).toBe(true);
  });

  it('does nothing when the directory itself became a link since the plan', async () => {
    put('a.gz', 20);
    const planned = await plan(deleteOlder, order({ keep_at_least: 0 }));
    renameSync(allowed, join(root, 'moved'));
    symlinkSync(join(root, 'moved'), allowed);
    const failure = await stepFailure(deleteOlder.run(planned, contextOf([root])));
    expect(failure).toMatchObject({ code: 'precondition_failed', happened: 'nothing' });
    expect(readdirSync(join(root, 'moved'))).toEqual(['a.gz']);
  });

  it('acts in the directories of `allow` and below them only, wherever links lead', async () => {
    mkdirSync(join(root, 'backups-2'));
    mkdirSync(join(allowed, 'deep'));
    put('deep/a.gz', 20);
    symlinkSync(join(root, 'backups-2'), join(allowed, 'out'));
    symlinkSync(join(allowed, 'deep'), join(root, 'in'));
    const refused = async (directory: string, allow: readonly string[]) =>
      expect(await stepFailure(plan(deleteOlder, order({ directory }), contextOf(allow)))).toMatchObject({
        code: 'not_allowed',
        happened: 'nothing',
      });
    await refused(allowed, []);
    await refused(allowed, [join(allowed, 'deep')]);
    await refused(root, [allowed]);
    await refused(join(root, 'backups-2'), [allowed]);
    await refused(join(allowed, 'out'), [allowed]);
    await refused(allowed, [join(root, 'absent')]);
    const more = { directory: join(root, 'in'), keep_at_least: 0 };
    expect(await perform(deleteOlder, order(more), contextOf([join(root, 'in')]))).toMatchObject({ deleted: 1 });
    const outside = await stepFailure(plan(deleteOlder, order({ directory: `${allowed}/../backups-2` })));
    expect(outside).toMatchObject({ code: 'invalid_value' });
  });

  it('is refused when what it allowed is no longer allowed', async () => {
    put('a.gz', 20);
    const planned = await plan(deleteOlder, order({ keep_at_least: 0 }));
    expect(await stepFailure(deleteOlder.run(planned, contextOf([])))).toMatchObject({
      code: 'not_allowed',
      happened: 'nothing',
    });
  });

  it.each([{ match: null }, { match: '' }, { older_than: null }, { older_than: '59s' }, { directory: null }, { limit: 1_001 }])(
    'refuses %j',
    (more) => {
      expect(() => parseParameters(deleteOlder.params, order(more), matchesPattern)).toThrow(/parameter/);
    },
  );

  it('deletes nothing once its time is up', async () => {
    for (const name of ['a', 'b']) put(`${name}.gz`, 20);
    const planned = await plan(deleteOlder, order({ keep_at_least: 0 }));
    const controller = new AbortController();
    controller.abort(new DOMException('', 'TimeoutError'));
    const stopped = contextOf([allowed], { signal: controller.signal });
    expect(await stepFailure(deleteOlder.run(planned, stopped))).toMatchObject({ code: 'timeout', happened: 'nothing' });
    expect(readdirSync(allowed)).toHaveLength(2);
  });

  (isRoot ? it : it.skip)('does not trust a link in `allow` that somebody else could have put there', async () => {
    const elsewhere = join(root, 'elsewhere');
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'precious.gz'), 'x');
    utimesSync(join(elsewhere, 'precious.gz'), 1, 1);
    const link = join(root, 'link');
    symlinkSync(elsewhere, link);
    const planned = await plan(deleteOlder, order({ directory: link, keep_at_least: 0 }), contextOf([link]));
    lchownSync(link, NOBODY, NOBODY);
    const failure = await stepFailure(deleteOlder.run(planned, contextOf([link])));
    expect(failure).toMatchObject({ code: 'not_allowed', happened: 'nothing' });
    expect(failure.message).toContain(link);
    expect(existsSync(join(elsewhere, 'precious.gz'))).toBe(true);
    // Further up on the way it is the same.
    mkdirSync(join(elsewhere, 'deep'));
    const deep = join(link, 'deep');
    expect(await stepFailure(plan(deleteOlder, order({ directory: deep }), contextOf([deep])))).toMatchObject({
      code: 'not_allowed',
    });
  });

  (isRoot ? it : it.skip)('needs rwx on the directory and nothing on the files; what is missing is named', async () => {
    chmodSync(root, 0o711);
    chmodSync(put('a.gz', 20), 0o000);
    const work = () => asNobody(() => perform(deleteOlder, order({ keep_at_least: 0 })));
    for (const mode of [0o733, 0o755, 0o766]) {
      chmodSync(allowed, mode);
      const failure = await stepFailure(work());
      expect(failure).toMatchObject({ code: 'permission_denied', happened: 'nothing' });
      expect(failure.message).toContain(allowed);
      expect(failure.message).not.toContain('/proc/');
    }
    chmodSync(allowed, 0o777);
    expect(await work()).toMatchObject({ deleted: 1 });

    mkdirSync(join(allowed, 'closed'));
    put('closed/newer.gz', 10);
    put('older.gz', 20);
    const half = asNobody(() => perform(deleteOlder, order({ keep_at_least: 0, recursive: true })));
    expect(await stepFailure(half)).toMatchObject({ code: 'permission_denied', happened: 'unknown' });
    expect(readdirSync(allowed)).toEqual(['closed']);
  });

  (isRoot ? it : it.skip)('reads with r-x on the directory', async () => {
    chmodSync(root, 0o711);
    const file = put('a.gz', 20);
    chmodSync(file, 0o000);
    chmodSync(allowed, 0o755);
    expect(await asNobody(() => perform(newest, { directory: allowed }))).toMatchObject({ path: file });
    chmodSync(allowed, 0o733);
    const failure = await stepFailure(asNobody(() => perform(newest, { directory: allowed })));
    expect(failure).toMatchObject({ code: 'permission_denied' });
  });
});
