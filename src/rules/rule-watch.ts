import type { FSWatcher } from 'chokidar';
import type { Clock } from '../domain/clock.ts';
import type { RuleSet } from '../domain/rule.ts';

/** How long nothing may change before the files are read: an editor or a ConfigMap writes several times. */
export const QUIET_MS = 10_000;

/** Tells when rule files have changed, after some quiet. */
export class RuleWatch {
  readonly #paths: readonly string[];
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #onChange: () => void;
  #watcher: FSWatcher | undefined;
  #quiet: AbortController | undefined;

  /** `onChange` must not throw. */
  constructor(paths: readonly string[], clock: Pick<Clock, 'sleep'>, onChange: () => void) {
    this.#paths = paths;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** Resolves when changes are seen. A path that does not exist yet is watched for. */
  async start(): Promise<void> {
    if (this.#watcher !== undefined) return;
    // Imported when it is needed: most daemons do not watch.
    const { watch } = await import('chokidar');
    const watcher = watch([...this.#paths], { ignoreInitial: true });
    this.#watcher = watcher;
    watcher.on('all', () => void this.#waitForQuiet());
    // What cannot be watched is found when the files are read.
    watcher.on('error', () => void this.#waitForQuiet());
    await new Promise<void>((resolve) => watcher.once('ready', resolve));
  }

  async stop(): Promise<void> {
    this.#quiet?.abort();
    await this.#watcher?.close();
    this.#watcher = undefined;
  }

  /** Each change starts the wait again. */
  async #waitForQuiet(): Promise<void> {
    this.#quiet?.abort();
    const quiet = new AbortController();
    this.#quiet = quiet;
    try {
      await this.#clock.sleep(QUIET_MS, quiet.signal);
    } catch {
      return;
    }
    if (!quiet.signal.aborted) this.#onChange();
  }
}

/** Why new rules are not taken without a person: more than a fifth of the live ones vanished, as when a folder is half written. */
export function tooManyVanished(live: RuleSet, next: RuleSet): string | undefined {
  const vanished = live.rules.filter(({ name }) => next.byName(name) === undefined);
  if (vanished.length * 5 <= live.rules.length) return undefined;
  return `${vanished.length} of ${live.rules.length} rules vanished; reload by hand (SIGHUP or POST /-/reload) if that is meant`;
}
