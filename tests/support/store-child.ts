// A process with a store, for tests that kill it: `store-child.ts hold|write PATH`. Prints `open`, then the id of each saved run.
import { SystemClock } from '../../src/domain/system-clock.ts';
import { SqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { changesOf, runOf } from './store-rows.ts';

const [mode, path] = process.argv.slice(2);
if (path === undefined) throw new Error('usage: store-child.ts hold|write PATH');
const store = new SqliteStore({ path, clock: new SystemClock() });

try {
  await store.open();
  print('open');
  if (mode === 'write') await writeForever();
} catch (error) {
  print(`refused: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

async function writeForever(): Promise<never> {
  for (;;) {
    const ids = Array.from({ length: 3 }, () => `run-${crypto.randomUUID()}`);
    await store.transact((tx) => tx.save(changesOf({ runs: ids.map((id) => runOf(id)) })));
    print(ids.join('\n'));
  }
}

function print(lines: string): void {
  process.stdout.write(`${lines}\n`);
}
