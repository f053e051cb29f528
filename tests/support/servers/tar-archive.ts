const BLOCK = 512;
const FILE = '0';
const SYMLINK = '2';

/** A file with its content, or a symbolic link with its target. All are owned by root, with mode 0755. */
export type TarEntry = { readonly path: string; readonly content: Buffer } | { readonly path: string; readonly linkTo: string };

/** A POSIX ustar archive. Paths and link targets have at most 100 bytes. */
export function createTarArchive(entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(entryBlocks), Buffer.alloc(2 * BLOCK)]);
}

function entryBlocks(entry: TarEntry): readonly Buffer[] {
  if ('linkTo' in entry) {
    return [header(entry.path, 0, SYMLINK, entry.linkTo)];
  }
  const padding = (BLOCK - (entry.content.length % BLOCK)) % BLOCK;
  return [header(entry.path, entry.content.length, FILE, ''), entry.content, Buffer.alloc(padding)];
}

// Offsets as in pax(1), "ustar Interchange Format".
function header(path: string, size: number, type: string, linkTo: string): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(path, 0, 100);
  block.write('0000755\0', 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  block.write(`${'0'.repeat(11)}\0`, 136);
  block.write(' '.repeat(8), 148); // the checksum counts as spaces while it is computed
  block.write(type, 156);
  block.write(linkTo, 157, 100);
  block.write('ustar\x0000', 257);
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
