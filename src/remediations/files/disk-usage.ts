import { statfs } from 'node:fs/promises';
import { defineRemediation } from '../../domain/remediation.ts';
import { blockBytesOf } from '../block-bytes.ts';
import { quoteLine } from '../quote-line.ts';
import { createStopError } from '../stop-error.ts';
import { createFileError } from './file-error.ts';
import { resolvePath } from './real-directory.ts';

/** Reads how full a file system is. */
export const diskUsage = defineRemediation({
  name: 'files.disk_usage',
  summary: 'Reads how full the file system of a path is: bytes and inodes, as `df` counts them.',
  notes: [
    'Least privilege: none but entering (`x`) the directories on the way to the path. It is the file system of the machine, or of the volume of the container, that remedyd runs on.',
    'As in `df`, what is reserved for root counts as neither used nor free, so that `used_ratio` is 1 when others can write no more.',
  ].join('\n\n'),
  connection: 'files',
  params: {
    path: { type: 'string', required: true, description: 'Absolute path of a file or directory, without `..` in it.' },
  },
  outputs: {
    used_ratio: { type: 'number', description: 'Used of what can be used, 0 to 1.' },
    free_bytes: { type: 'bytes', description: 'What programs other than those of root may still write.' },
    total_bytes: { type: 'bytes', description: 'The size of the file system.' },
    inodes_used_ratio: { type: 'number', description: 'Inodes used, 0 to 1; 0 where the file system does not count them.' },
  },
  example: { used_ratio: 0.91, free_bytes: 4_294_967_296, total_bytes: 53_687_091_200, inodes_used_ratio: 0.12 },
  effect: () => 'read',
  inDoubt: 'repeat',

  async plan({ path }) {
    return Promise.resolve({
      summary: `read how full the file system of ${quoteLine(path)} is`,
      identity: { path },
      touches: [],
      data: { path },
    });
  },

  async run({ data: { path } }, { signal }) {
    const real = await resolvePath(path);
    const found = await readFileSystem(real, signal);
    const { blocks, bfree, bavail, files, ffree } = found;
    const blockBytes = blockBytesOf(found);
    const used = blocks - bfree;
    const usable = used + bavail;
    return {
      used_ratio: usable === 0 ? 0 : used / usable,
      free_bytes: bavail * blockBytes,
      total_bytes: blocks * blockBytes,
      inodes_used_ratio: files === 0 ? 0 : (files - ffree) / files,
    };
  },
});

/** A network file system whose server is gone answers never: then the step ends without the answer. */
async function readFileSystem(path: string, signal: AbortSignal) {
  const stopped = Promise.withResolvers<never>();
  const stop = (): void => stopped.reject(createStopError(signal, `reading the file system of "${quoteLine(path)}"`, 'nothing'));
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([statfs(path), stopped.promise]);
  } catch (error) {
    throw createFileError(error, path);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
