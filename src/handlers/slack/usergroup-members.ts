import type { Clock } from '../../domain/clock.ts';
import type { AskUsergroup, SlackLog } from './slack-in-deps.ts';

const FRESH_MS = 5 * 60_000;
/** How long an answer serves while Slack gives no newer one. */
const STALE_MS = 60 * 60_000;
/** How long a person's request waits for Slack. */
const WAIT_MS = 1_000;

interface Known {
  readonly members: ReadonlySet<string>;
  /** Monotonic ms. */
  readonly at: number;
}

/**
 * The members of Slack's user groups, asked for every 5 minutes. While Slack does not answer, what it said last counts
 * for an hour; after that nobody is a member.
 */
export class UsergroupMembers {
  readonly #ask: AskUsergroup;
  readonly #clock: Clock;
  readonly #log: Pick<SlackLog, 'warn'>;
  readonly #known = new Map<string, Known>();
  readonly #asking = new Map<string, Promise<void>>();

  constructor(ask: AskUsergroup, clock: Clock, log: Pick<SlackLog, 'warn'>) {
    this.#ask = ask;
    this.#clock = clock;
    this.#log = log;
  }

  /** By group, its members, or `undefined` where they are not known. Takes a second at most. Never throws. */
  async of(ids: readonly string[]): Promise<ReadonlyMap<string, ReadonlySet<string> | undefined>> {
    const stale = ids.filter((id) => this.#youngerThan(FRESH_MS, id) === undefined);
    if (stale.length > 0) {
      const enough = new AbortController();
      const waiting = this.#clock.sleep(WAIT_MS, enough.signal).catch(() => undefined);
      await Promise.race([Promise.all(stale.map((id) => this.#refresh(id))), waiting]);
      enough.abort();
    }
    return new Map(ids.map((id) => [id, this.#youngerThan(STALE_MS, id)]));
  }

  #youngerThan(ms: number, id: string): ReadonlySet<string> | undefined {
    const known = this.#known.get(id);
    return known !== undefined && this.#clock.monotonic() - known.at < ms ? known.members : undefined;
  }

  /** One question at a time for each group. */
  #refresh(id: string): Promise<void> {
    const asking = this.#asking.get(id) ?? this.#askAnew(id).finally(() => this.#asking.delete(id));
    this.#asking.set(id, asking);
    return asking;
  }

  async #askAnew(id: string): Promise<void> {
    try {
      const members = new Set(await this.#ask(id));
      this.#known.set(id, { members, at: this.#clock.monotonic() });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.warn({ usergroup: id, reason }, 'Slack does not tell who is in a user group');
    }
  }
}
