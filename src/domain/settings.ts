import type { Connection } from './connection.ts';
import type { Json } from './json.ts';
import type { EscalationRung, NotifyTargets, PagerDutySeverity } from './response.ts';
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

/** One person, whatever she clicks: by ids, never by names. */
export interface Person {
  /** Slack's user id, e.g. `U123`. */
  readonly slack?: string;
  /** PagerDuty's user id, e.g. `PABC123`, or the e-mail address of the user. */
  readonly pagerduty?: string;
}

export interface Role {
  readonly people: readonly string[];
  /** Slack's id of a user group, e.g. `S456`: its members have the role too. */
  readonly slackUsergroup?: string;
}

export interface SlackSettings {
  readonly botToken: Secret;
  /** For requests over HTTP; absent with Socket Mode alone. */
  readonly signingSecret?: Secret;
  /** For Socket Mode. */
  readonly appToken?: Secret;
  readonly defaultChannel?: string;
  readonly apiUrl?: string;
}

export interface PagerDutySettings {
  /** Routing keys by the name of the service. */
  readonly services: ReadonlyMap<string, Secret>;
  readonly webhookSecrets: readonly Secret[];
  readonly eventsUrl?: string;
}

/** One level of a scale: the first whose matchers match an alert is its severity. */
export interface SeveritySetting {
  readonly name: string;
  readonly matchers: readonly string[];
  readonly responseTimeMs?: number;
  readonly escalationPolicy?: string;
  readonly pagerdutySeverity?: PagerDutySeverity;
  /** Intervals in which the clock of the response time and of the policy runs; empty: always. */
  readonly activeTimeIntervals: readonly string[];
  readonly notify: NotifyTargets;
  /** When the next update is promised; a late one reminds. */
  readonly updateEveryMs?: number;
  /** Whether a resolved incident gets a draft of its post-mortem into its thread. */
  readonly postMortem: boolean;
}

export interface NamedTimeInterval {
  readonly name: string;
  /** As written, for snapshots of rules. */
  readonly definition: Json;
  readonly interval: TimeInterval;
  /** How long before it mutes automation people are told; 0: never. */
  readonly announceMs: number;
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
  readonly slack?: SlackSettings;
  readonly pagerduty?: PagerDutySettings;
  /** By kind, then by name. */
  readonly connections: readonly Connection[];
  readonly severities: readonly SeveritySetting[];
  readonly escalationPolicies: ReadonlyMap<string, readonly EscalationRung[]>;
  readonly timeIntervals: ReadonlyMap<string, NamedTimeInterval>;
  readonly limits: Limits;
}
