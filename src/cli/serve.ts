import { App } from '../app.ts';
import { createStore } from '../create-store.ts';
import { SystemClock } from '../domain/system-clock.ts';
import { createLogger } from '../logger.ts';
import { findOwnContainerId } from '../own-container.ts';
import { hasErrors, formatProblem } from '../schema/problem.ts';
import { readVersion } from '../version.ts';
import { CliError } from './cli-error.ts';
import { loadWorld, type WorldSource } from './load-world.ts';

/** The daemon, until it is told to stop. */
export async function serve(source: WorldSource, signals: NodeJS.EventEmitter = process): Promise<void> {
  const { loaded, problems } = await loadWorld(source);
  if (loaded === undefined || hasErrors(problems)) {
    throw new CliError(
      1,
      [...problems.map(formatProblem), 'not started: correct these and start again; "remedyd check" shows them too'].join('\n'),
    );
  }
  const { settings } = loaded;
  const clock = new SystemClock();
  const log = await createLogger({ level: settings.log.level, format: settings.log.format });
  for (const problem of problems) log.warn({ problem: formatProblem(problem) }, 'configuration');
  const store = createStore(settings, clock);
  const app = new App({
    loaded,
    load: () => loadWorld(source),
    store,
    clock,
    log,
    version: readVersion(),
    ownContainerId: await findOwnContainerId(),
  });

  const stopped = new Promise<void>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      signals.once(name, () => {
        log.info({ signal: name }, 'stopping');
        resolve();
      });
    }
  });
  signals.on('SIGHUP', () => void app.reload());
  try {
    await app.start();
  } catch (error) {
    await app.stop();
    throw new CliError(1, `not started: ${error instanceof Error ? error.message : String(error)}`);
  }
  await stopped;
  await app.stop();
  log.info('stopped');
}
