import type { DueNotification } from '../domain/store.ts';
import type { DeliveryDeps } from './delivery-deps.ts';
import type { Failures } from './failures.ts';
import { Lanes } from './lanes.ts';
import type { Outbox } from './outbox.ts';
import { performOperation } from './perform-operation.ts';
import { planOperation } from './plan-operation.ts';
import { laneOf, type PlannedOperation } from './planned-operation.ts';
import type { RefusedCredentials } from './refused-credentials.ts';
import { urgencyOf, type Urgency } from './urgency.ts';
import type { VendorOutages } from './vendor-outages.ts';

interface Deps extends Pick<DeliveryDeps, 'clock' | 'notifiers' | 'newsOf' | 'onOutcome'> {
  readonly outbox: Outbox;
  /** One operation of a lane at a time. */
  readonly lanes: Lanes;
  readonly credentials: RefusedCredentials;
  readonly failures: Failures;
  readonly outages: VendorOutages;
}

/** Requests of one vendor at once. */
const MAX_REQUESTS = 16;
/** How many rows are read from the store at once, so that webhooks do not wait behind them. */
const MAX_READS = 2;

/** Tells places what they are owed, each in its turn. */
export class RowService {
  readonly #deps: Deps;
  readonly #requests: Lanes;
  readonly #reads: Lanes;
  /** Ends the requests that are under way. */
  readonly #abort = new AbortController();

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#requests = new Lanes(deps.clock, MAX_REQUESTS);
    this.#reads = new Lanes(deps.clock, MAX_READS);
  }

  /** Nothing more has its turn: what waits for one rejects. */
  stop(): void {
    for (const lanes of [this.#deps.lanes, this.#requests, this.#reads]) lanes.stop();
  }

  /** Ends the requests that are under way; the next process looks for what came of them. */
  abort(): void {
    this.#abort.abort(new DOMException('the daemon stops', 'AbortError'));
  }

  /** Tells one place everything that it is owed, one operation after the other. */
  async serve(due: DueNotification): Promise<void> {
    const { lanes } = this.#deps;
    const { id } = due.notification;
    let plan = await this.#plan(id, urgencyOf(due));
    while (plan !== undefined) {
      const urgency = urgencyOf({ ...due, notification: plan.row });
      const lane = laneOf(plan);
      const hasWaited = await lanes.enter(lane, urgency);
      let gapMs = 0;
      try {
        // What it was going to say may be old by now.
        const current: PlannedOperation | undefined = hasWaited ? await this.#plan(id, urgency) : plan;
        if (current === undefined) return;
        if (laneOf(current) !== lane) {
          plan = current;
          continue;
        }
        gapMs = current.operation.gapMs;
        if (!(await this.#perform(current, urgency))) return;
      } finally {
        lanes.leave(lane, gapMs);
      }
      plan = await this.#plan(id, urgency);
    }
  }

  async #plan(id: string, urgency: Urgency): Promise<PlannedOperation | undefined> {
    await this.#reads.enter('read', urgency);
    try {
      return await planOperation(id, this.#deps);
    } finally {
      this.#reads.leave('read', 0);
    }
  }

  async #perform(plan: PlannedOperation, urgency: Urgency): Promise<boolean> {
    const { name } = plan.notifier;
    await this.#requests.enter(name, urgency);
    try {
      return await performOperation(plan, { ...this.#deps, stop: this.#abort.signal });
    } finally {
      this.#requests.leave(name, 0);
    }
  }
}
