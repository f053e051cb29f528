// Writes the files that are made from the code. With --check it only says which of them are out of date.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { generatedFiles } from './generated-files.ts';

const root = join(import.meta.dirname, '..');
const isCheck = process.argv.includes('--check');
const stale: string[] = [];

for (const { path, content } of await generatedFiles()) {
  const place = join(root, path);
  const current = await readFile(place, 'utf8').catch(() => undefined);
  if (current === content) continue;
  stale.push(path);
  if (isCheck) continue;
  await mkdir(dirname(place), { recursive: true });
  await writeFile(place, content);
  console.log(`wrote ${path}`);
}

if (isCheck && stale.length > 0) {
  console.error(`out of date: ${stale.join(', ')}; run: npm run generate`);
  process.exitCode = 1;
}
