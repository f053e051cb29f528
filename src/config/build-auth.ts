import type { AuthSettings, ApiToken, WebhookCredential } from '../domain/settings.ts';
import type { Secret } from '../domain/secret.ts';
import { withoutUndefined } from '../domain/without-undefined.ts';
import type { Report } from './report.ts';
import type { ConfigDefinition } from './schema.ts';

type AuthDefinition = NonNullable<ConfigDefinition['auth']>;
type CredentialDefinition = NonNullable<AuthDefinition['webhook']>[number];

const SHORTEST_TOKEN = 16;
const KINDS = ['bearer_token', 'basic', 'client_cert', 'none'] as const;

/** Who may send webhooks and use the API. Whatever is not clear is reported, so that nobody comes in by mistake. */
export function buildAuth(given: AuthDefinition, report: Report): AuthSettings {
  const definitions = given.webhook ?? [];
  const webhook = definitions.map((definition, index) => buildCredential(definition, within(report, ['auth', 'webhook', index])));
  const tokens = (given.api?.tokens ?? []).map((definition, index) =>
    buildToken(definition, within(report, ['auth', 'api', 'tokens', index])),
  );
  const known = webhook.filter((credential) => credential !== undefined);

  definitions.forEach((definition, index) => {
    const first = definitions.findIndex((other) => nameOf(other) === nameOf(definition));
    if (first < index)
      report(['auth', 'webhook', index, 'name'], `the name '${nameOf(definition)}' stands twice; it is the source of the alerts`);
    if (definition.none === true && definitions.length > 1) {
      report(
        ['auth', 'webhook', index, 'none'],
        'none lets everybody in, so the other credentials protect nothing; remove it or them',
        { at: 'key' },
      );
    }
    if (definition.client_cert !== undefined && given.tls?.client_ca_file === undefined) {
      report(['auth', 'webhook', index, 'client_cert'], 'client certificates need auth.tls with client_ca_file', { at: 'key' });
    }
  });
  reportRepeatedTokens(known, tokens, report);

  const tls = given.tls;
  return {
    webhook: known,
    tokens: tokens.filter((token) => token !== undefined),
    ...(tls === undefined
      ? {}
      : { tls: { certFile: tls.cert_file, keyFile: tls.key_file, ...withoutUndefined({ clientCaFile: tls.client_ca_file }) } }),
  };
}

function buildCredential(definition: CredentialDefinition, report: Report): WebhookCredential | undefined {
  const given = KINDS.filter((kind) => definition[kind] !== undefined);
  const [kind] = given;
  if (kind === undefined || given.length > 1) {
    report(
      [],
      `expected exactly one of bearer_token, basic, client_cert or none, got ${given.length === 0 ? 'none of them' : given.join(' and ')}`,
    );
    return undefined;
  }
  const name = nameOf(definition);
  if (definition.name === undefined && kind !== 'none')
    report([], "'name' is missing: it is the source of the alerts that come with it");
  if (definition.bearer_token !== undefined) {
    warnAboutShortToken(definition.bearer_token, within(report, ['bearer_token']));
    return { kind: 'bearer', name, token: definition.bearer_token };
  }
  if (definition.basic !== undefined) {
    const { username, password } = definition.basic;
    if (password !== undefined) return { kind: 'basic', name, username, password };
    report(['basic'], "'password' or 'password_file' is missing", { at: 'key' });
    return undefined;
  }
  return definition.client_cert === undefined
    ? { kind: 'none', name }
    : { kind: 'client_cert', name, subject: definition.client_cert.subject };
}

function buildToken(
  { person, role, token }: { readonly person: string; readonly role: ApiToken['role']; readonly token?: Secret | undefined },
  report: Report,
): ApiToken | undefined {
  if (token === undefined) {
    report([], "'token' or 'token_file' is missing");
    return undefined;
  }
  warnAboutShortToken(token, within(report, ['token']));
  return { person, role, token };
}

function reportRepeatedTokens(
  webhook: readonly WebhookCredential[],
  api: readonly (ApiToken | undefined)[],
  report: Report,
): void {
  const seen = new Set(webhook.flatMap((credential) => (credential.kind === 'bearer' ? [credential.token.reveal()] : [])));
  if (seen.size < webhook.filter((credential) => credential.kind === 'bearer').length) {
    report(['auth', 'webhook'], 'two credentials have the same token, so their alerts cannot be told apart', { at: 'key' });
  }
  api.forEach((token, index) => {
    if (token === undefined) return;
    if (seen.has(token.token.reveal()))
      report(['auth', 'api', 'tokens', index], 'this token is used twice; every person and every credential needs its own');
    seen.add(token.token.reveal());
  });
}

function warnAboutShortToken(token: Secret, report: Report): void {
  if (token.reveal().length >= SHORTEST_TOKEN) return;
  report([], `the token has less than ${SHORTEST_TOKEN} characters and can be guessed; make one with: openssl rand -hex 32`, {
    severity: 'warning',
  });
}

function nameOf(definition: CredentialDefinition): string {
  return definition.name ?? 'default';
}

function within(report: Report, base: readonly PropertyKey[]): Report {
  return (path, message, options) => {
    report([...base, ...path], message, options);
  };
}
