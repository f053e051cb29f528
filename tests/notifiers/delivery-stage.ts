import type { Delivered, News, Notifier, NotifyOperation } from '../../src/domain/notifier.ts';
import { NotifyError } from '../../src/domain/notifier.ts';
import type { Notification } from '../../src/domain/state.ts';
import type { Changes } from '../../src/domain/store.ts';
import { Delivery, type DeliveryOutcome, type Undeliverable } from '../../src/notifiers/delivery.ts';
import { SqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { changesOf } from '../support/store-rows.ts';
import { VirtualClock } from '../../src/rule-tests/virtual-clock.ts';

/** What the vendor does with a request: the first two take it. */
export type Fate = 'taken' | 'taken_but_lost' | 'lost' | 'hangs' | NotifyError;

/** A request that the vendor took. */
export interface Taken {
  readonly at: number;
  readonly id: string;
  readonly place: string;
  readonly kind: string;
  readonly nonce: string;
  /** The entries of the story that it told, or the state that it showed. */
  readonly says: string;
}

/**
 * A vendor with places, each of which has a message that shows a number and a thread that has every number once. What
 * there is to say of an incident is a number that counts up.
 */
class FakeVendor implements Notifier {
  readonly name = 'slack';
  readonly taken: Taken[] = [];
  readonly asked: string[] = [];
  /** Called before each request. */
  fate: (operation: NotifyOperation, notification: Notification) => Fate = () => 'taken';
  /** What looking for a lost message fails with. */
  findFails: NotifyError | undefined;
  laneOf: (notification: Notification) => string = ({ place }) => place;
  gapMs = 0;
  isRepeatableOnly = false;
  underWay = 0;
  mostUnderWay = 0;
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  next(news: News, row: Notification): NotifyOperation | undefined {
    const says = sayingOf(news);
    const known = row.told?.['says'];
    const [kind, isRepeatable] = known === undefined ? ['post', false] : known === says ? ['thread', false] : ['update', true];
    const isThreadDone = row.incidentId === null || row.toldPosition >= Number(says);
    if (kind === 'thread' && isThreadDone) return undefined;
    return {
      kind,
      lane: this.laneOf(row),
      gapMs: this.gapMs,
      nonce: `${row.id} ${kind} ${kind === 'post' ? '' : `${row.toldPosition}-${says}`}`,
      isRepeatable: isRepeatable || this.isRepeatableOnly,
      request: { says, from: row.toldPosition, known: known ?? null },
    };
  }

  async send(operation: NotifyOperation, row: Notification, signal: AbortSignal): Promise<Delivered> {
    this.asked.push(`${operation.kind} ${row.id}`);
    this.underWay += 1;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    try {
      await Promise.resolve();
      const fate = this.fate(operation, row);
      if (fate === 'hangs')
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
      if (fate === 'lost') throw new NotifyError('unknown', 'the connection broke');
      if (fate instanceof NotifyError) throw fate;
      this.taken.push({
        at: this.#clock.now(),
        id: row.id,
        place: row.place,
        kind: operation.kind,
        nonce: operation.nonce,
        says: entriesOf(operation),
      });
      if (fate === 'taken_but_lost') throw new NotifyError('unknown', 'the connection broke');
      return deliveredBy(operation);
    } finally {
      this.underWay -= 1;
    }
  }

  async find(operation: NotifyOperation): Promise<Delivered | undefined> {
    this.asked.push(`find ${operation.nonce}`);
    await Promise.resolve();
    if (this.findFails !== undefined) throw this.findFails;
    return this.taken.some(({ nonce }) => nonce === operation.nonce) ? deliveredBy(operation) : undefined;
  }
}

function sayingOf(news: News): string {
  if (news.kind === 'bundle') return news.incidents.map(({ id }) => id).join(' ');
  return news.kind === 'notice' ? news.text : '';
}

function deliveredBy({ kind, request }: NotifyOperation): Delivered {
  const isThread = kind === 'thread';
  const says = isThread ? request['known'] : request['says'];
  return { told: { says: says ?? null }, toldPosition: isThread ? Number(request['says']) : Number(request['from']) };
}

/** A thread tells all numbers after those that it has. */
function entriesOf({ kind, request }: NotifyOperation): string {
  const says = typeof request['says'] === 'string' ? request['says'] : '';
  if (kind !== 'thread') return says;
  const from = Number(request['from']);
  return Array.from({ length: Number(says) - from }, (_, index) => from + index + 1).join(',');
}

/** A real store in memory, a vendor, and a delivery between them that can be killed and started anew. */
export class DeliveryStage {
  readonly clock = new VirtualClock();
  readonly vendor = new FakeVendor(this.clock);
  readonly store = new SqliteStore({ path: ':memory:', clock: this.clock });
  readonly reports: Undeliverable[] = [];
  readonly outcomes: DeliveryOutcome[] = [];
  readonly faults: unknown[] = [];
  readonly errors: string[] = [];
  /** What there is to say, by incident. */
  readonly says = new Map<string, number>();
  reportFails = false;
  #delivery: Delivery | undefined;
  /** How many more calls the delivery that lives makes before it is killed. */
  #life: { calls: number } = { calls: Infinity };
  #bundles = 0;

  async open(): Promise<this> {
    await this.store.open();
    return this;
  }

  /** Starts a delivery that is killed before this many calls of the store or the vendor. */
  start(calls = Infinity): Delivery {
    const life = { calls };
    this.#life = life;
    const alive = async <T>(work: () => Promise<T>): Promise<T> => {
      life.calls -= 1;
      if (life.calls < 0) return new Promise<never>(() => undefined);
      const result = await this.clock.hold(work());
      // What a killed process would have done with it, nobody does.
      return life.calls < 0 ? new Promise<never>(() => undefined) : result;
    };
    const { store, vendor, clock } = this;
    const notifier: Notifier = {
      name: vendor.name,
      next: (news, row) => vendor.next(news, row),
      send: (operation, row, signal) => {
        life.calls -= 1;
        return life.calls < 0 ? new Promise<never>(() => undefined) : vendor.send(operation, row, signal);
      },
      find: (operation) => alive(() => vendor.find(operation)),
    };
    const delivery = new Delivery({
      store: {
        transact: (work) => alive(() => store.transact(work)),
        dueNotifications: (now, limit) => alive(() => store.dueNotifications(now, limit)),
        bundle: (id) => alive(() => store.bundle(id)),
      },
      clock,
      notifiers: () => new Map([['slack', notifier]]),
      newsOf: (row) => alive(() => this.#newsOf(row)),
      report: (event) =>
        alive(() => {
          if (this.reportFails) return Promise.reject(new Error('the pipeline is gone'));
          this.reports.push(event);
          return Promise.resolve();
        }),
      newId: (kind) => `${kind}_${(this.#bundles += 1)}`,
      onOutcome: (outcome) => void this.outcomes.push(outcome),
      onFault: (_, error) => void this.faults.push(error),
      log: { warn: () => undefined, error: (_, message) => void this.errors.push(message) },
    });
    delivery.start();
    this.#delivery = delivery;
    return delivery;
  }

  get isKilled(): boolean {
    return this.#life.calls < 0;
  }

  /** As `kill -9` does: nothing that was under way comes to an end. */
  kill(): void {
    this.#life.calls = -1;
  }

  /** Writes rows, and wakes the delivery as a commit of the pipeline does. */
  async save(changes: Partial<Changes>): Promise<void> {
    await this.clock.hold(this.store.transact((tx) => tx.save(changesOf(changes))));
    this.#delivery?.poke();
  }

  /** There is something new to say of these incidents. */
  async tell(...ids: readonly string[]): Promise<void> {
    for (const id of ids) this.says.set(id, (this.says.get(id) ?? 0) + 1);
    await this.save({ told: ids });
  }

  async row(id: string): Promise<Notification> {
    const [row] = await this.clock.hold(this.store.transact((tx) => tx.notifications([id])));
    if (row === undefined) throw new Error(`there is no notification ${id}`);
    return row;
  }

  async waiting(): Promise<readonly Notification[]> {
    return this.clock.hold(this.store.listNotifications({ state: 'waiting', limit: 10_000 }));
  }

  async close(): Promise<void> {
    const stopped = this.isKilled ? undefined : this.#delivery?.stop(0);
    await this.clock.advance(1);
    await stopped;
    await this.store.close();
  }

  async #newsOf({ id, incidentId, purpose, text }: Notification): Promise<News | undefined> {
    if (purpose === 'bundle') {
      const { incidents } = await this.store.bundle(id);
      return { kind: 'bundle', id, startedAt: 0, incidents, pagerdutySeverity: 'critical' };
    }
    if (incidentId === null) return { kind: 'notice', id, text: text ?? '' };
    const says = this.says.get(incidentId);
    return says === undefined ? undefined : { kind: 'notice', id, text: String(says) };
  }
}
