import { NotifyError, type Delivered, type News, type Notifier } from '../domain/notifier.ts';
import type { Notification } from '../domain/state.ts';
import { attempt } from './attempt.ts';
import type { DeliveryDeps, DeliveryOutcome } from './delivery-deps.ts';
import { isForGood, type Failures } from './failures.ts';
import type { Outbox } from './outbox.ts';
import { begunOperation, journaledOperation, type PlannedOperation } from './planned-operation.ts';
import { toldVersionAfter } from './told-version.ts';
import type { VendorOutages } from './vendor-outages.ts';

interface Deps extends Pick<DeliveryDeps, 'clock' | 'onOutcome'> {
  readonly outbox: Outbox;
  readonly failures: Failures;
  readonly outages: VendorOutages;
  /** Ends the request. */
  readonly stop: AbortSignal;
}

/** Journals an operation, sends it, and journals what came of it; one that was begun before is looked for. Returns whether the row can go on. */
export async function performOperation(plan: PlannedOperation, deps: Deps): Promise<boolean> {
  if (plan.news !== undefined && !(await journal(plan, deps))) return true;
  if (plan.news === undefined && !plan.operation.isRepeatable) return find(plan, deps);
  return send(plan, deps);
}

/** Writes down what is about to be sent. Returns whether the row is still as it was planned for. */
async function journal(plan: PlannedOperation, { outbox }: Deps): Promise<boolean> {
  const journaled = await outbox.change(plan.row.id, (now) => {
    const isOther = now.bundleId !== null || now.isDead || begunOperation(now, plan.notifier) !== undefined;
    return isOther ? undefined : { ...now, underWay: journaledOperation(plan) };
  });
  return journaled !== undefined;
}

/** Looks for an operation whose end is not known. What was not taken is not under way any more. */
async function find(plan: PlannedOperation, deps: Deps): Promise<boolean> {
  const { row, notifier, operation } = plan;
  const { clock, outbox, failures, stop } = deps;
  let found: Delivered | undefined;
  try {
    found = await attempt(clock, stop, 'passing', (signal) => notifier.find(operation, row, signal));
  } catch (error) {
    if (stop.aborted) return false;
    // Where nothing can be looked for, saying it twice is better than not at all.
    if (!(error instanceof NotifyError && isForGood(error))) {
      await failures.take(plan, error);
      return false;
    }
  }
  if (found !== undefined) return record(plan, found, deps);
  await outbox.change(row.id, (now) => ({ ...now, underWay: null }));
  return true;
}

async function send(plan: PlannedOperation, deps: Deps): Promise<boolean> {
  const { notifier, operation, row } = plan;
  const { clock, failures, stop, onOutcome } = deps;
  const began = clock.monotonic();
  const outcome = (word: DeliveryOutcome['outcome']): void =>
    onOutcome({ channel: notifier.name, outcome: word, seconds: (clock.monotonic() - began) / 1_000 });
  let delivered: Delivered;
  try {
    delivered = await attempt(clock, stop, 'unknown', (signal) => notifier.send(operation, row, signal));
  } catch (error) {
    // After a stop nobody knows how far it came: it stays under way, and the next process looks for it.
    if (stop.aborted) return false;
    outcome(error instanceof NotifyError && isForGood(error) ? 'dead' : 'failed');
    await failures.take(plan, error);
    return false;
  }
  outcome('sent');
  return record(plan, delivered, deps);
}

/** Keeps what a place knows now. Returns whether it is owed more. */
async function record(
  { row, notifier, news }: PlannedOperation,
  { told, toldPosition }: Delivered,
  { outbox, outages }: Deps,
): Promise<boolean> {
  const isAll = news !== undefined && isTold(notifier, news, { ...row, told, toldPosition, underWay: null });
  const after = await outbox.change(row.id, (now) => ({
    ...now,
    told,
    toldPosition,
    toldVersion: isAll ? toldVersionAfter(row, now) : now.toldVersion,
    underWay: null,
    attempts: 0,
    lastError: null,
  }));
  outages.leave(notifier.name, row.id);
  await outages.recovered(notifier.name);
  return after !== undefined && after.toldVersion < after.wanted;
}

/** A notifier that breaks here must not lose what was just sent. */
function isTold(notifier: Notifier, news: News, row: Notification): boolean {
  try {
    return notifier.next(news, row) === undefined;
  } catch {
    return false;
  }
}
