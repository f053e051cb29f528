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
  auth: ({ auth: { tls, webhook, tokens } }) => [tls, webhook.map(withSecret), tokens.map(withSecret)],
  'slack.app_token': ({ slack }) => (slack?.appToken === undefined ? undefined : withSecret({ appToken: slack.appToken })),
  'limits.body': ({ limits }) => limits.bodyBytes,
};

/** The names of settings that a reload has read but that only a restart takes. */
export function restartOnlyChanges(before: Settings, after: Settings): readonly string[] {
  return Object.entries(READ_AT_START).flatMap(([name, read]) =>
    JSON.stringify([read(before)]) === JSON.stringify([read(after)]) ? [] : [name],
  );
}

/** A credential with the digest of its secret, which itself prints as nothing. */
function withSecret(credential: object): unknown {
  const secrets = Object.values(credential).filter((value) => value instanceof Secret);
  return [credential, secrets.map((secret) => hash('sha256', secret.reveal()))];
}
