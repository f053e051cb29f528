import { operationFromJson, operationToJson, type News, type Notifier, type NotifyOperation } from '../domain/notifier.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Notification } from '../domain/state.ts';

/** An operation whose turn it is to come. */
export interface PlannedOperation {
  readonly row: Notification;
  readonly notifier: Notifier;
  readonly operation: NotifyOperation;
  /** What it says; absent for an operation that was begun before. */
  readonly news?: News;
}

/** Operations of one lane go one after the other. */
export function laneOf({ notifier, operation }: PlannedOperation): string {
  return `${notifier.name} ${operation.lane}`;
}

/** The operation as it is journaled, before it is sent. */
export function journaledOperation({ notifier, operation }: PlannedOperation): JsonObject {
  return { ...operationToJson(operation), notifier: notifier.name };
}

/** The operation that a row had begun; what another notifier began means nothing to this one. */
export function begunOperation(row: Notification, notifier: Notifier): NotifyOperation | undefined {
  return row.underWay?.['notifier'] === notifier.name ? operationFromJson(row.underWay) : undefined;
}
