import type { Clock } from '../domain/clock.ts';
import { OWN_PLACE } from '../domain/notifier.ts';
import { newNotification } from '../domain/new-notification.ts';
import type { Notification } from '../domain/state.ts';
import { NO_CHANGES, type DueNotification, type Store, type StoreTransaction } from '../domain/store.ts';

/** So many first messages wait for one place before they are told as one; and so many leave a bundle for a question. */
const MAX_ALONE = 10;
/** A first message joins the newest bundle of its place when that took one in so lately: it began together with them. */
const JOIN_MS = 60_000;
/** What comes later than that is another story, and says so itself: an update of an old message calls nobody's attention. */
const LONGEST_JOIN_MS = 10 * 60_000;

export interface BundlingDeps {
  readonly store: Pick<Store, 'transact'>;
  readonly clock: Clock;
  readonly newId: (kind: 'bundle') => string;
}

/** A bundle that first messages may join. */
interface NewestBundle {
  readonly id: string;
  readonly begunAt: number;
  /** When it took one in last. */
  readonly joinedAt: number;
  /** The most urgent in it. */
  readonly severityRank: number;
}

/** Keeps a storm from being a storm of messages: what begins together at one place is told as one bundle, kept up to date. */
export class Bundling {
  readonly #deps: BundlingDeps;
  /** The bundle that a place's next first messages join. A restart just begins another one. */
  readonly #newest = new Map<string, NewestBundle>();

  constructor(deps: BundlingDeps) {
    this.#deps = deps;
  }

  /** Arranges what is due. Returns whether anything was written, so that what is due has to be asked for again. */
  async arrange(due: readonly DueNotification[]): Promise<boolean> {
    let isChanged = false;
    for (const [bundleId, rows] of groupBy(due, ({ bundleId }) => bundleId ?? undefined))
      isChanged = (await this.#fold(bundleId, rows)) || isChanged;
    for (const [place, rows] of groupBy(due, bundlingPlace)) isChanged = (await this.#gather(place, rows)) || isChanged;
    return isChanged;
  }

  /** What members have to say reaches the bundle; one that asks people something says it itself. */
  #fold(bundleId: string, due: readonly DueNotification[]): Promise<boolean> {
    return this.#deps.store.transact(async (tx) => {
      const [bundle] = await tx.notifications([bundleId]);
      const members = (await readAgain(tx, due)).filter(
        (row) => row.bundleId === bundleId && row.toldVersion < row.wanted && !row.isDead,
      );
      if (members.length === 0) return false;
      if (bundle === undefined) {
        await tx.save({ ...NO_CHANGES, delivered: members.map((row) => ({ ...row, bundleId: null })) });
        return true;
      }
      const left = Number(bundle.text ?? '0');
      const asking = await rowsWithQuestion(tx, members);
      const leaving = new Set(members.filter((row) => asking.has(row.id)).slice(0, Math.max(0, MAX_ALONE - left)));
      await tx.save({
        ...NO_CHANGES,
        delivered: [
          { ...toldLess(bundle), text: String(left + leaving.size) },
          ...members.map((row) => (leaving.has(row) ? { ...row, bundleId: null } : { ...row, toldVersion: row.wanted })),
        ],
      });
      return true;
    });
  }

  /** First messages that wait together become a bundle, or join the one before: unless they are more urgent than all in it. */
  async #gather(place: string, due: readonly DueNotification[]): Promise<boolean> {
    const newest = this.#joinable(place);
    const joining = newest === undefined ? [] : due.filter(({ severityRank }) => severityRank >= newest.severityRank);
    const hasJoined = newest !== undefined && joining.length > 0 && (await this.#join(place, newest, joining));
    const others = hasJoined ? due.filter((row) => !joining.includes(row)) : due;
    return (await this.#begin(place, others)) || hasJoined;
  }

  #joinable(place: string): NewestBundle | undefined {
    const now = this.#deps.clock.now();
    const newest = this.#newest.get(place);
    if (newest !== undefined && now - newest.joinedAt <= JOIN_MS && now - newest.begunAt <= LONGEST_JOIN_MS) return newest;
    this.#newest.delete(place);
    return undefined;
  }

  /** Returns false where nothing can join: whatever joins a bundle that was given up would never be told. */
  async #join(place: string, newest: NewestBundle, due: readonly DueNotification[]): Promise<boolean> {
    const hasJoined = await this.#deps.store.transact(async (tx) => {
      const [bundle] = await tx.notifications([newest.id]);
      if (bundle?.isDead !== false) return false;
      const members = await membersOf(tx, place, due);
      if (members.length > 0)
        await tx.save({ ...NO_CHANGES, delivered: [toldLess(bundle), ...members.map((row) => joined(row, bundle))] });
      return members.length > 0;
    });
    if (hasJoined) this.#newest.set(place, { ...newest, joinedAt: this.#deps.clock.now() });
    return hasJoined;
  }

  async #begin(place: string, due: readonly DueNotification[]): Promise<boolean> {
    const { store, clock, newId } = this.#deps;
    if (due.length <= MAX_ALONE) return false;
    const now = clock.now();
    const id = await store.transact(async (tx) => {
      const members = await membersOf(tx, place, due);
      const [first] = members;
      if (first === undefined || members.length <= MAX_ALONE) return undefined;
      const bundle = newBundle(newId('bundle'), first, now);
      await tx.save({ ...NO_CHANGES, notifications: [bundle], delivered: members.map((row) => joined(row, bundle)) });
      return bundle.id;
    });
    if (id === undefined) return false;
    const severityRank = Math.min(...due.map((row) => row.severityRank));
    this.#newest.set(place, { id, begunAt: now, joinedAt: now, severityRank });
    return true;
  }
}

function joined(row: Notification, bundle: Notification): Notification {
  return { ...row, bundleId: bundle.id, toldVersion: row.wanted };
}

/** Those of them that can still be bundled there; the first that ask people something say it themselves. */
async function membersOf(tx: StoreTransaction, place: string, due: readonly DueNotification[]): Promise<readonly Notification[]> {
  const rows = (await readAgain(tx, due)).filter((row) => bundlingPlace(row) === place);
  const asking = await rowsWithQuestion(tx, rows);
  const alone = new Set(rows.filter((row) => asking.has(row.id)).slice(0, MAX_ALONE));
  return rows.filter((row) => !alone.has(row));
}

/** A bundle with something new to hear. What it wants is counted by its incidents, of which it has none of its own. */
function toldLess(bundle: Notification): Notification {
  return { ...bundle, toldVersion: Math.min(bundle.toldVersion, bundle.wanted) - 1 };
}

/** The row of a new bundle; its `text` counts the members that left it. */
function newBundle(id: string, { channel, place }: Notification, now: number): Notification {
  const bundle = { id: `${id}:${channel}:${place}`, incidentId: null, channel, place, purpose: 'bundle', text: '0' } as const;
  return newNotification(bundle, now);
}

/**
 * Where a first message may be bundled; `undefined` for what speaks alone. A channel of one's own has one incident, and
 * services of PagerDuty are told of incidents that page nobody without a first message.
 */
function bundlingPlace(row: Notification): string | undefined {
  const isFirst = row.told === null && row.underWay === null && row.bundleId === null && !row.isDead;
  if (!isFirst || row.incidentId === null || row.toldVersion >= row.wanted) return undefined;
  if (row.place === OWN_PLACE || (row.channel === 'pagerduty' && row.purpose !== 'page')) return undefined;
  return `${row.channel} ${row.place}`;
}

/** The rows as they are now, in the same order. */
async function readAgain(tx: StoreTransaction, due: readonly DueNotification[]): Promise<readonly Notification[]> {
  const ids = due.map(({ notification }) => notification.id);
  const now = new Map((await tx.notifications(ids)).map((row) => [row.id, row]));
  return ids.map((id) => now.get(id)).filter((row) => row !== undefined);
}

/** Of these rows those whose incident waits for an answer of people. */
async function rowsWithQuestion(tx: StoreTransaction, rows: readonly Notification[]): Promise<ReadonlySet<string>> {
  const incidentIds = rows.map((row) => row.incidentId).filter((id) => id !== null);
  const runs = (await tx.runsOfIncidents(incidentIds)).filter((run) => run.state === 'held');
  const approvals = await tx.approvalsOfRuns(runs.map((run) => run.id));
  const asking = new Set(approvals.filter(({ state }) => state === 'open').map(({ incidentId }) => incidentId));
  return new Set(rows.filter((row) => row.incidentId !== null && asking.has(row.incidentId)).map((row) => row.id));
}

function groupBy(
  due: readonly DueNotification[],
  keyOf: (row: Notification) => string | undefined,
): ReadonlyMap<string, readonly DueNotification[]> {
  const groups = new Map<string, DueNotification[]>();
  for (const row of due) {
    const key = keyOf(row.notification);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
}
