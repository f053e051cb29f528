import type { Clock } from '../domain/clock.ts';
import type { Notification } from '../domain/state.ts';
import type { DueNotification, Store, StoreTransaction } from '../domain/store.ts';
import { outboxChanges } from './outbox-changes.ts';

/** So many first messages wait for one place before they are told as one; and so many leave a bundle for a question. */
const MAX_ALONE = 10;
/** A first message joins the newest bundle of its place when that took one in so lately: it began together with them. */
const JOIN_MS = 60_000;

export interface BundlingDeps {
  readonly store: Pick<Store, 'transact'>;
  readonly clock: Clock;
  readonly newId: (kind: 'bundle') => string;
}

/** Keeps a storm from being a storm of messages: what begins together at one place is told as one bundle, kept up to date. */
export class Bundling {
  readonly #deps: BundlingDeps;
  /** The bundle that a place's next first messages join. A restart just begins another one. */
  readonly #newest = new Map<string, { readonly id: string; readonly at: number }>();

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
  #fold(bundleId: string, due: readonly Notification[]): Promise<boolean> {
    return this.#deps.store.transact(async (tx) => {
      const [bundle] = await tx.notifications([bundleId]);
      const members = (await readAgain(tx, due)).filter(
        (row) => row.bundleId === bundleId && row.toldVersion < row.wanted && !row.isDead,
      );
      if (members.length === 0) return false;
      if (bundle === undefined) {
        await tx.save(outboxChanges({ delivered: members.map((row) => ({ ...row, bundleId: null })) }));
        return true;
      }
      const left = Number(bundle.text ?? '0');
      const asking = await rowsWithQuestion(tx, members);
      const leaving = new Set(members.filter((row) => asking.has(row.id)).slice(0, Math.max(0, MAX_ALONE - left)));
      await tx.save(
        outboxChanges({
          delivered: [
            { ...toldLess(bundle), text: String(left + leaving.size) },
            ...members.map((row) => (leaving.has(row) ? { ...row, bundleId: null } : { ...row, toldVersion: row.wanted })),
          ],
        }),
      );
      return true;
    });
  }

  /** First messages that wait together become a bundle, or join the one before. */
  async #gather(place: string, due: readonly Notification[]): Promise<boolean> {
    const { store, clock, newId } = this.#deps;
    const now = clock.now();
    const newest = this.#newest.get(place);
    const isRecent = newest !== undefined && now - newest.at <= JOIN_MS;
    if (!isRecent) this.#newest.delete(place);
    if (!isRecent && due.length <= MAX_ALONE) return false;
    const gathered = await store.transact(async (tx) => {
      const [known] = isRecent ? await tx.notifications([newest.id]) : [];
      // Whatever joins a bundle that was given up would never be told.
      const open = known?.isDead === false ? known : undefined;
      const rows = (await readAgain(tx, due)).filter((row) => bundlingPlace(row) === place);
      const asking = await rowsWithQuestion(tx, rows);
      const alone = new Set(rows.filter((row) => asking.has(row.id)).slice(0, MAX_ALONE));
      const members = rows.filter((row) => !alone.has(row));
      const [first] = members;
      if (first === undefined || (open === undefined && members.length <= MAX_ALONE)) return undefined;
      const bundle = open ?? newBundle(newId('bundle'), first, now);
      await tx.save(
        outboxChanges({
          notifications: open === undefined ? [bundle] : [],
          delivered: [
            ...(open === undefined ? [] : [toldLess(open)]),
            ...members.map((row) => ({ ...row, bundleId: bundle.id, toldVersion: row.wanted })),
          ],
        }),
      );
      return bundle.id;
    });
    if (gathered === undefined) return false;
    this.#newest.set(place, { id: gathered, at: now });
    return true;
  }
}

/** A bundle with something new to hear. What it wants is counted by its incidents, of which it has none of its own. */
function toldLess(bundle: Notification): Notification {
  return { ...bundle, toldVersion: Math.min(bundle.toldVersion, bundle.wanted) - 1 };
}

/** The row of a new bundle; its `text` counts the members that left it. */
function newBundle(id: string, { channel, place }: Notification, now: number): Notification {
  return {
    id: `${id}:${channel}:${place}`,
    incidentId: null,
    channel,
    place,
    purpose: 'bundle',
    text: '0',
    bundleId: null,
    createdAt: now,
    wanted: 1,
    toldVersion: 0,
    told: null,
    toldPosition: 0,
    underWay: null,
    notBefore: now,
    attempts: 0,
    lastError: null,
    isDead: false,
  };
}

/**
 * Where a first message may be bundled; `undefined` for what speaks alone. A channel of one's own has one incident, and
 * services of PagerDuty are told of incidents that page nobody without a first message.
 */
function bundlingPlace(row: Notification): string | undefined {
  const isFirst = row.told === null && row.underWay === null && row.bundleId === null && !row.isDead;
  if (!isFirst || row.incidentId === null || row.toldVersion >= row.wanted) return undefined;
  if (row.place === 'own' || (row.channel === 'pagerduty' && row.purpose !== 'page')) return undefined;
  return `${row.channel} ${row.place}`;
}

/** The rows as they are now, in the same order. */
async function readAgain(tx: StoreTransaction, rows: readonly Notification[]): Promise<readonly Notification[]> {
  const now = new Map((await tx.notifications(rows.map((row) => row.id))).map((row) => [row.id, row]));
  return rows.map((row) => now.get(row.id)).filter((row) => row !== undefined);
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
): ReadonlyMap<string, readonly Notification[]> {
  const groups = new Map<string, Notification[]>();
  for (const { notification } of due) {
    const key = keyOf(notification);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [notification]);
    else group.push(notification);
  }
  return groups;
}
