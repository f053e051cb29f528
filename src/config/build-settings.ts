import { resolve } from 'node:path';
import type { Json } from '../domain/json.ts';
import type { ApprovalSpec } from '../domain/rule.ts';
import { isLoopbackHost } from '../domain/loopback.ts';
import type { Limits, NamedTimeInterval, Person, Role, Settings } from '../domain/settings.ts';
import { uniteIntervals } from '../domain/time-interval.ts';
import { withoutUndefined } from '../domain/without-undefined.ts';
import { buildAuth } from './build-auth.ts';
import { buildConnections } from './build-connections.ts';
import { buildPagerDuty } from './build-pagerduty.ts';
import { buildSlack } from './build-slack.ts';
import { DEFAULT_SEVERITIES } from './default-severities.ts';
import { parseListen } from './parse-listen.ts';
import type { ListenAddress } from './parse-listen.ts';
import type { Report } from './report.ts';
import type { ConfigDefinition } from './schema.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const DEFAULT_LISTEN: ListenAddress = { host: '127.0.0.1', port: 9099 };
const DEFAULT_STORE_URL = 'sqlite:data/remedyd.db';

/** What is known of a configuration besides its sound sections. */
export interface ConfigOrigin {
  /** The sections that could not be read: nothing is said about what they lack. */
  readonly broken: ReadonlySet<string>;
  /** The time intervals as they are written. */
  readonly intervals: readonly Json[];
  /** What `rules` and the files that are named are relative to. */
  readonly directory: string;
  /** What the store's path is relative to. */
  readonly workingDirectory: string;
}

/** The settings of a configuration, with the defaults of everything it does not say. What cannot be used is reported. */
export function buildSettings(config: ConfigDefinition, source: ConfigOrigin, report: Report): Settings {
  const auth = buildAuth(config.auth ?? {}, report);
  const slack = config.slack && buildSlack(config.slack, report);
  const pagerduty = config.pagerduty && buildPagerDuty(config.pagerduty, report);
  return {
    listen: buildListen(config, source.broken, report),
    store: buildStore(config.store, source.workingDirectory, report),
    rules: (config.rules ?? ['rules/']).map((path) => resolve(source.directory, path)),
    watch: config.watch ?? false,
    vars: config.vars ?? {},
    log: { level: config.log?.level ?? 'info', format: config.log?.format ?? 'json' },
    auth: auth.tls === undefined ? auth : { ...auth, tls: resolveTls(auth.tls, source.directory) },
    people: new Map(
      Object.entries(config.people ?? {}).map(([name, person]): [string, Person] => [name, withoutUndefined(person ?? {})]),
    ),
    roles: new Map(Object.entries(config.roles ?? {}).map(([name, role]) => [name, buildRole(role)])),
    approval: buildApproval(config.approval),
    connections: buildConnections(config.connections ?? {}, report),
    severities: config.severities ?? DEFAULT_SEVERITIES,
    escalationPolicies: new Map(Object.entries(config.escalation_policies ?? {})),
    timeIntervals: buildTimeIntervals(config, source.intervals),
    limits: buildLimits(config.limits),
    ...withoutUndefined({ externalUrl: config.external_url, slack, pagerduty }),
  };
}

function buildListen({ listen, auth }: ConfigDefinition, broken: ReadonlySet<string>, report: Report): ListenAddress {
  if (listen === undefined) return DEFAULT_LISTEN;
  const address = parseListen(listen);
  if (address === undefined) {
    report(['listen'], `expected HOST:PORT such as 127.0.0.1:9099, [::1]:9099 or :9099, got ${JSON.stringify(listen)}`);
    return DEFAULT_LISTEN;
  }
  if (!isLoopbackHost(address.host) && !broken.has('auth') && (auth?.webhook ?? []).length === 0) {
    report(
      ['listen'],
      'other machines can reach this address, and nobody would have to authenticate; add auth.webhook (or [{ none: true }] there), or listen on 127.0.0.1',
    );
  }
  return address;
}

function buildStore(store: ConfigDefinition['store'], workingDirectory: string, report: Report): Settings['store'] {
  // Never quoted: the URL of a server holds its password.
  const url = store?.url?.reveal() ?? DEFAULT_STORE_URL;
  const path = /^sqlite:(?:\/\/(?=\/))?(.+)$/.exec(url)?.[1];
  if (path === undefined) {
    const isServer = /^postgres(?:ql)?:\/\//.test(url);
    report(
      ['store', 'url'],
      isServer
        ? 'postgres: not available in this version; use sqlite:PATH'
        : 'expected sqlite:PATH, such as sqlite:data/remedyd.db',
    );
  }
  const isMemory = path === ':memory:';
  return { path: isMemory ? path : resolve(workingDirectory, path ?? ''), retentionMs: store?.retention ?? 90 * DAY_MS };
}

function resolveTls(tls: NonNullable<Settings['auth']['tls']>, directory: string): NonNullable<Settings['auth']['tls']> {
  const clientCaFile = tls.clientCaFile === undefined ? {} : { clientCaFile: resolve(directory, tls.clientCaFile) };
  return { certFile: resolve(directory, tls.certFile), keyFile: resolve(directory, tls.keyFile), ...clientCaFile };
}

function buildRole(role: NonNullable<ConfigDefinition['roles']>[string]): Role {
  if (Array.isArray(role)) return { people: role };
  return { people: role.people ?? [], ...withoutUndefined({ slackUsergroup: role.slack_usergroup }) };
}

function buildApproval(approval: ConfigDefinition['approval']): ApprovalSpec {
  const { roles = [], count = 1, timeout = 15 * MINUTE_MS, on_timeout: onTimeout = 'escalate' } = approval ?? {};
  return { roles, count, timeoutMs: timeout, onTimeout };
}

function buildTimeIntervals(
  { time_intervals: given }: ConfigDefinition,
  written: readonly Json[],
): ReadonlyMap<string, NamedTimeInterval> {
  const named = (given ?? []).map(({ name, intervals, announceMs = DAY_MS }, index): [string, NamedTimeInterval] => {
    return [name, { name, definition: written[index] ?? null, interval: uniteIntervals(intervals), announceMs }];
  });
  return new Map(named);
}

function buildLimits(limits: ConfigDefinition['limits']): Limits {
  return {
    storm: limits?.storm ?? { count: 50, windowMs: MINUTE_MS },
    maxRuns: limits?.max_runs ?? { count: 20, windowMs: HOUR_MS },
    maxConcurrentRuns: limits?.max_concurrent_runs ?? 8,
    recurrenceMs: limits?.recurrence ?? HOUR_MS,
    settleMs: limits?.settle ?? 2 * MINUTE_MS,
    staleAfterMs: limits?.stale_after ?? DAY_MS,
    bodyBytes: limits?.body ?? 32 * 2 ** 20,
  };
}
