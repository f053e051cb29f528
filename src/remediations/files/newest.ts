import { join } from 'node:path';
import { defineRemediation, StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';
import { parseGlob } from './glob.ts';
import { listFiles } from './list-files.ts';
import { resolvePath } from './real-directory.ts';

/** Finds the newest file of a directory. */
export const newest = defineRemediation({
  name: 'files.newest',
  summary: 'Finds the file that was modified last in a directory, e.g. the newest backup; without one it fails (`not_found`).',
  notes: [
    'Least privilege: reading and entering the directory (`r-x`) for the user that remedyd runs as; the files themselves need not be readable. The files are those of the machine, or of the volumes of the container, that remedyd runs on.',
    'Only regular files count: symbolic links are not followed. `*` and `?` in `match` do not match the dot that a name begins with. The values of `{{ }}` in `match` are literal text.',
    'An age below zero is a file from the future: look at the clocks. More than 100,000 entries are refused.',
  ].join('\n\n'),
  connection: 'files',
  params: {
    directory: { type: 'string', required: true, description: 'Absolute path of the directory, without `..` in it.' },
    match: { type: 'string', default: '*', place: 'glob', description: 'Pattern for the name, with `*` and `?`: `dump-*.gz`.' },
    recursive: { type: 'bool', default: false, description: 'Whether to look into its folders, too, at most 16 deep.' },
  },
  outputs: {
    path: { type: 'string', description: 'The absolute path of the file.' },
    age: { type: 'duration', description: 'Since it was modified.' },
    bytes: { type: 'bytes', description: 'Its size.' },
    modified_at: { type: 'timestamp', description: 'When it was modified.' },
  },
  example: { path: '/backups/dump-20261121.gz', age: 7_200_000, bytes: 1_048_576, modified_at: '2026-11-21T02:00:00.000Z' },
  effect: () => 'read',
  inDoubt: 'repeat',

  async plan({ directory, match, recursive }) {
    parseGlob(match);
    return Promise.resolve({
      summary: `find the newest ${quoteLine(match)} in ${quoteLine(directory)}`,
      identity: { directory, match, recursive },
      touches: [],
      data: { directory, match, recursive },
    });
  },

  async run({ data: { directory, match, recursive } }, { clock, signal }) {
    const real = await resolvePath(directory);
    const [first] = await listFiles({ directory: real, glob: parseGlob(match), isRecursive: recursive }, signal);
    if (first === undefined) {
      const message = `no file in "${quoteLine(directory)}" matches "${quoteLine(match)}"`;
      throw new StepError('not_found', message, { happened: 'nothing' });
    }
    const modifiedAt = Number(first.modifiedNs / 1_000_000n);
    return {
      path: join(real, first.path),
      age: clock.now() - modifiedAt,
      bytes: Number(first.bytes),
      modified_at: new Date(modifiedAt).toISOString(),
    };
  },
});
