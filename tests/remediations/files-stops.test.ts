import { chmodSync, mkdirSync, readdirSync, utimesSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FilesConnection } from '../../src/domain/connection.ts';
import type { StepContext } from '../../src/domain/remediation.ts';
import { deleteOlder } from '../../src/remediations/files/delete-older.ts';
import { diskUsage } from '../../src/remediations/files/disk-usage.ts';
import { newest } from '../../src/remediations/files/newest.ts';
import { createTemporaryDirectory } from '../support/servers/temporary-directory.ts';
import { createStepContext } from '../support/step-context.ts';
import { stepFailure } from '../support/step-failure.ts';

const FILES = 500;
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

let folder: ReturnType<typeof createTemporaryDirectory>;
let directory: string;

beforeEach(() => {
  folder = createTemporaryDirectory('files-stops');
  directory = join(folder.path, 'backups');
  mkdirSync(directory);
});
afterEach(() => folder.remove());

const contextOf = (overrides: Partial<StepContext> = {}): StepContext => {
  const connection: FilesConnection = { kind: 'files', name: 'disk', allow: [directory] };
  return createStepContext(connection, overrides);
};

it('deletes no further file once its step is stopped, and says that some are gone', async () => {
  for (let index = 0; index < FILES; index += 1) {
    const file = join(directory, `${index}.gz`);
    writeFileSync(file, 'x');
    utimesSync(file, 1_000 + index, 1_000 + index);
  }
  const params = { directory, match: '*.gz', older_than: 60_000, keep_at_least: 1, recursive: false, limit: FILES };
  const planned = await deleteOlder.plan(params, contextOf());
  const controller = new AbortController();
  const watcher = watch(directory, () => controller.abort(new DOMException('late', 'TimeoutError')));
  const failure = await stepFailure(deleteOlder.run(planned, contextOf({ signal: controller.signal })));
  watcher.close();
  expect(failure).toMatchObject({ code: 'timeout', happened: 'unknown' });
  const left = readdirSync(directory).length;
  expect(left).toBeLessThan(FILES);
  expect(left).toBeGreaterThan(1);
  expect(failure.message).toContain(`${FILES - left} so far`);
});

it.each([
  ['aborted', undefined],
  ['timeout', new DOMException('late', 'TimeoutError')],
])('reads nothing once it is %s', async (code, reason) => {
  writeFileSync(join(directory, 'a.gz'), 'x');
  const stopped = contextOf({ signal: AbortSignal.abort(reason) });
  for (const [remediation, params] of [
    [newest, { directory, match: '*', recursive: false }],
    [diskUsage, { path: directory }],
  ] as const) {
    const planned = await remediation.plan(params, contextOf());
    expect(await stepFailure(remediation.run(planned, stopped))).toMatchObject({ code, happened: 'nothing' });
  }
});

(isRoot ? it : it.skip)('reads how full a disk is with x on the way to it, and names what is closed', async () => {
  const planned = await diskUsage.plan({ path: directory }, contextOf());
  const readAsNobody = async () => {
    process.seteuid?.(NOBODY);
    try {
      return await diskUsage.run(planned, contextOf());
    } finally {
      process.seteuid?.(0);
    }
  };
  chmodSync(directory, 0o000);
  chmodSync(folder.path, 0o711);
  expect(await readAsNobody()).toMatchObject({ used_ratio: expect.any(Number) });
  chmodSync(folder.path, 0o766);
  const failure = await stepFailure(readAsNobody());
  expect(failure).toMatchObject({ code: 'permission_denied', happened: 'nothing' });
  expect(failure.message).toContain(directory);
});
