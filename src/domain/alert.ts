import { hash } from 'node:crypto';
import type { Json } from './json.ts';

/** Labels or annotations. Always own properties of an object without prototype: a label may be called `__proto__`. */
export type Labels = Readonly<Record<string, string>>;

export const ALERT_STATUSES = ['firing', 'resolved'] as const;
export type AlertStatus = (typeof ALERT_STATUSES)[number];

/** One alert of a webhook, parsed. Empty labels are dropped, as Alertmanager does. */
export interface AlertMessage {
  readonly status: AlertStatus;
  readonly labels: Labels;
  readonly annotations: Labels;
  /** Epoch milliseconds. */
  readonly startsAt: number;
  /** Epoch milliseconds; absent while firing (Alertmanager sends year 1). */
  readonly endsAt?: number;
  readonly generatorUrl: string;
  /** For display only: it collides. */
  readonly fingerprint: string;
}

/** An alert that could not be parsed, kept for people to see. */
export interface QuarantinedAlert {
  readonly reason: string;
  readonly payload: Json;
}

/** A webhook, parsed: `source` is the name of the credential that came with it. */
export interface AlertBatch {
  readonly source: string;
  readonly receivedAt: number;
  readonly groupLabels: Labels;
  readonly truncatedAlerts: number;
  readonly alerts: readonly AlertMessage[];
  readonly quarantined: readonly QuarantinedAlert[];
  readonly externalUrl: string;
}

/** A copy of string entries that is safe to look names up in: no prototype, keys sorted, empty values dropped. */
export function copyLabels(entries: Readonly<Record<string, string>>): Labels {
  const labels: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const name of Object.keys(entries).sort()) {
    const value = entries[name];
    if (value !== undefined && value !== '') labels[name] = value;
  }
  return labels;
}

/**
 * The identity of an alert: sha256 over its source and its canonical labels (sorted, empty ones dropped).
 * Lengths are part of the text, so that no two label sets share one.
 */
export function alertKey(source: string, labels: Labels): string {
  let text = `${source.length}:${source}`;
  for (const name of Object.keys(labels).sort()) {
    const value = labels[name] ?? '';
    if (value !== '') text += `${name.length}:${name}${value.length}:${value}`;
  }
  return hash('sha256', text, 'hex');
}

/** The entries that all of these have in common. */
export function sharedLabels(all: readonly Labels[]): Labels {
  const [first, ...rest] = all;
  const shared: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(first ?? {})) {
    if (rest.every((labels) => Object.hasOwn(labels, name) && labels[name] === value)) shared[name] = value;
  }
  return shared;
}
