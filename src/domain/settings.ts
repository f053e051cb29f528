import type { Connection } from './connection.ts';
import type { Json } from './json.ts';
import type { ApprovalSpec, Rate } from './rule.ts';
import type { Secret } from './secret.ts';
import type { TimeInterval } from './time-interval.ts';

/** Limits over all rules. */
export interface Limits {
  readonly storm: Rate;
  readonly maxRuns: Rate;
  readonly maxConcurrentRuns: number;
  readonly recurrenceMs: number;
  readonly settleMs: number;
  readonly staleAfterMs: number;
  /** The largest webhook body that is read. */
  readonly bodyBytes: number;
}

/** How somebody who sends webhooks shows who it is. Its name is the `source` of the alerts. */
export type WebhookCredential =
  | { readonly kind: 'bearer'; readonly name: string; readonly token: Secret }
  | { readonly kind: 'basic'; readonly name: string; readonly username: string; readonly password: Secret }
  | { readonly kind: 'client_cert'; readonly name: string; readonly subject: string }
  | { readonly kind: 'none'; readonly name: string };

export const API_ROLES = ['viewer', 'responder', 'admin'] as const;
export type ApiRole = (typeof API_ROLES)[number];

export interface ApiToken {
  readonly person: string;
  readonly role: ApiRole;
  readonly token: Secret;
}

export interface TlsSettings {
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCaFile?: string;
}

export interface AuthSettings {
  /** Empty on loopback without configuration: then every webhook is taken, from the source `default`. */
  readonly webhook: readonly WebhookCredential[];
  readonly tokens: readonly ApiToken[];
  readonly tls?: TlsSettings;
}

export interface Person {
  readonly slack?: string;
  readonly pagerduty?: string;
}

export interface Role {
  readonly people: readonly string[];
  readonly slackUsergroup?: string;
}

/** One level of a scale: the first whose matchers match an alert is its severity. */
export interface SeveritySetting {
  readonly name: string;
  readonly matchers: readonly string[];
  readonly responseTimeMs?: number;
  readonly escalationPolicy?: string;
  readonly pagerdutySeverity?: string;
  readonly activeTimeIntervals: readonly string[];
  readonly notify: Readonly<Record<string, Json>>;
  readonly updateEveryMs?: number;
}

export interface EscalationRung {
  readonly afterMs: number;
  readonly unless: readonly ('acknowledged' | 'verified')[];
  readonly notify: Readonly<Record<string, Json>>;
}

export interface NamedTimeInterval {
  readonly name: string;
  /** As written, for snapshots of rules. */
  readonly definition: Json;
  readonly interval: TimeInterval;
}

/** `remedyd.yml`, parsed and checked. */
export interface Settings {
  readonly listen: { readonly host: string; readonly port: number };
  readonly externalUrl?: string;
  readonly store: { readonly path: string; readonly retentionMs: number };
  /** Files and folders, as absolute paths. */
  readonly rules: readonly string[];
  readonly watch: boolean;
  readonly vars: Readonly<Record<string, Json>>;
  readonly log: { readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'; readonly format: 'json' | 'pretty' };
  readonly auth: AuthSettings;
  readonly people: ReadonlyMap<string, Person>;
  readonly roles: ReadonlyMap<string, Role>;
  readonly approval: ApprovalSpec;
  /** By kind, then by name. */
  readonly connections: readonly Connection[];
  readonly severities: readonly SeveritySetting[];
  readonly escalationPolicies: ReadonlyMap<string, readonly EscalationRung[]>;
  readonly timeIntervals: ReadonlyMap<string, NamedTimeInterval>;
  readonly limits: Limits;
}
