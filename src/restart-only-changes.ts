import { hash } from 'node:crypto';
import { Secret } from './domain/secret.ts';
import type { Settings } from './domain/settings.ts';

/** The settings that are read once, at the start. */
const READ_AT_START: Readonly<Record<string, (settings: Settings) => unknown>> = {
  listen: ({ listen }) => listen,
  external_url: ({ externalUrl }) => externalUrl,
  store: ({ store }) => store.path,
  rules: ({ rules, watch }) => (watch ? rules : []),
  watch: ({ watch }) => watch,
  log: ({ log }) => log,
  auth: ({ auth }) => auth,
  'limits.body': ({ limits }) => limits.bodyBytes,
};

/** The names of settings that a reload has read but that only a restart takes. */
export function restartOnlyChanges(before: Settings, after: Settings): readonly string[] {
  return Object.entries(READ_AT_START).flatMap(([name, read]) => (textOf(read(before)) === textOf(read(after)) ? [] : [name]));
}

/** Secrets are compared by their digests, so that they stand in no text. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => (each instanceof Secret ? hash('sha256', each.reveal()) : each)) ?? '';
}
