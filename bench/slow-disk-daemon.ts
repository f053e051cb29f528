// The daemon with a disk whose fsync takes 10 ms; `serve` otherwise. Its last argument is the configuration file.
import { App } from '../src/app.ts';
import { loadWorld } from '../src/cli/load-world.ts';
import { processEnvironment } from '../src/config/environment.ts';
import { SystemClock } from '../src/domain/system-clock.ts';
import { createLogger } from '../src/logger.ts';
import { SqliteStore } from '../src/store/sqlite/sqlite-store.ts';

const COMMIT_DELAY_MS = 10;

const load = () =>
  loadWorld({ configFile: process.argv.at(-1), environment: processEnvironment(), workingDirectory: import.meta.dirname });
const { loaded, problems } = await load();
if (loaded === undefined) throw new Error(problems.map((problem) => problem.message).join('; '));
const clock = new SystemClock();
const store = new SqliteStore({ path: loaded.settings.store.path, clock, commitDelayMs: COMMIT_DELAY_MS });
const app = new App({
  loaded,
  load,
  store,
  clock,
  log: await createLogger(loaded.settings.log),
  version: 'bench',
  ownContainerId: undefined,
});
process.once('SIGTERM', () => void app.stop());
await app.start();
