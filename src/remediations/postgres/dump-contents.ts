import { open, writeFile } from 'node:fs/promises';

/** An entry of a dump's table of contents; with its name when it is an extension. */
export interface DumpEntry {
  readonly id: string;
  readonly extension: string | undefined;
}

const ENTRY = /^(\d+); \d+ \d+ (?:EXTENSION - (\S.*?) *$)?/;

/** The entries of a dump, in order, from a file that `pg_restore --list` has written. Throws Node's errors. */
export async function readDumpContents(path: string): Promise<readonly DumpEntry[]> {
  const entries: DumpEntry[] = [];
  await using file = await open(path);
  for await (const line of file.readLines()) {
    const [, id, extension] = ENTRY.exec(line) ?? [];
    if (id !== undefined) entries.push({ id, extension });
  }
  return entries;
}

/** Writes a file for `pg_restore --use-list`, which reads the number at the start of a line only. Throws Node's errors. */
export async function writeDumpContents(path: string, entries: readonly DumpEntry[]): Promise<void> {
  await writeFile(path, entries.map(({ id }) => `${id};\n`).join(''));
}
