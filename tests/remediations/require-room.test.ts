import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createTemporaryDirectory } from '../support/servers/temporary-directory.ts';

const source = (file: string): string => JSON.stringify(join(import.meta.dirname, '../../src', file));

/** On a disk of 1 MiB: first there is room, and then the work itself fills it, and would go on for ever. */
const SCRIPT = `
  import { readdirSync, writeFileSync } from 'node:fs';
  import { whileThereIsRoom } from ${source('remediations/require-room.ts')};
  import { SystemClock } from ${source('domain/system-clock.ts')};
  const context = { clock: new SystemClock(), signal: new AbortController().signal };
  const done = await whileThereIsRoom('.', context, async () => 'done');
  const message = await whileThereIsRoom('.', context, async (signal) => {
    writeFileSync('big', Buffer.alloc(1_020_000));
    await new Promise((resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true }));
  }).catch(({ code, message }) => code + ' ' + message);
  console.log(JSON.stringify([done, message]));`;

describe('the room on the disk of a backup', () => {
  const folder = createTemporaryDirectory('room');
  afterAll(() => folder.remove());

  const canMount = spawnSync('unshare', ['--map-root-user', '--mount', 'true']).status === 0;
  (canMount ? it : it.skip)('stops the work before the disk is full', () => {
    const mount = 'mount -t tmpfs -o size=1m none "$1" && cd "$1" && exec "$2" --input-type=module -e "$3"';
    const args = ['--map-root-user', '--mount', 'sh', '-c', mount, 'sh', folder.path, process.execPath, SCRIPT];
    const { stdout } = spawnSync('unshare', args, { encoding: 'utf8' });
    expect(JSON.parse(stdout)).toEqual([
      'done',
      'rejected ".": the disk is nearly full; free some space. What was written is removed',
    ]);
  });
});
