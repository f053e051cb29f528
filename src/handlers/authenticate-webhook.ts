import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket, type PeerCertificate } from 'node:tls';
import type { WebhookCredential } from '../domain/settings.ts';
import { bearerToken } from './bearer-token.ts';
import { digestOf } from './digest-of.ts';
import { isLoopbackAddress } from '../domain/loopback.ts';

/** The source of alerts that come over loopback while no credential is configured. */
const DEFAULT_SOURCE = 'default';

/** The name of the credential that a webhook came with: the `source` of its alerts. `undefined`: it may not come in. */
export type WebhookAuthenticator = (request: IncomingMessage) => string | undefined;

/** Every credential is compared, in equal time, whichever of them fits. */
export function createWebhookAuthenticator(credentials: readonly WebhookCredential[]): WebhookAuthenticator {
  const secrets = credentials.map(knownSecret).filter((known) => known !== undefined);
  const subjects = credentials.filter((credential) => credential.kind === 'client_cert');
  const open = credentials.find((credential) => credential.kind === 'none');
  return (request) => {
    const presented = presentedSecret(request);
    let source: string | undefined;
    if (presented !== undefined) {
      const digest = digestOf(presented.secret);
      for (const known of secrets) {
        const isEqual = timingSafeEqual(known.digest, digest);
        if (isEqual && known.kind === presented.kind) source ??= known.name;
      }
    }
    source ??= subjects.find((credential) => isSubject(request, credential.subject))?.name;
    source ??= open?.name;
    if (credentials.length === 0 && isLoopbackAddress(request.socket.remoteAddress ?? '')) return DEFAULT_SOURCE;
    return source;
  };
}

interface KnownSecret {
  readonly name: string;
  readonly kind: 'bearer' | 'basic';
  readonly digest: Buffer;
}

function knownSecret(credential: WebhookCredential): KnownSecret | undefined {
  const { name, kind } = credential;
  switch (kind) {
    case 'bearer':
      return { name, kind, digest: digestOf(credential.token.reveal()) };
    case 'basic':
      return { name, kind, digest: digestOf(`${credential.username}:${credential.password.reveal()}`) };
    case 'client_cert':
    case 'none':
      return undefined;
  }
}

function presentedSecret(request: IncomingMessage): { readonly kind: 'bearer' | 'basic'; readonly secret: string } | undefined {
  const token = bearerToken(request);
  if (token !== undefined) return { kind: 'bearer', secret: token };
  const basic = /^basic +([\w+/=-]+)$/i.exec(request.headers.authorization ?? '')?.[1];
  return basic === undefined ? undefined : { kind: 'basic', secret: Buffer.from(basic, 'base64').toString() };
}

/** Whether the client's certificate was signed by the configured authority and is made out to this subject. */
function isSubject({ socket }: IncomingMessage, subject: string): boolean {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return false;
  const certificate: Partial<PeerCertificate> = socket.getPeerCertificate();
  if (certificate.subject === undefined) return false;
  const { CN: commonName } = certificate.subject;
  return commonName === subject || distinguishedName(certificate.subject) === subject;
}

/** `CN=…,O=…`, in the order of the certificate. */
function distinguishedName(subject: PeerCertificate['subject']): string {
  return Object.entries(subject)
    .flatMap(([name, value]) => [value].flat().map((part) => `${name}=${String(part)}`))
    .join(',');
}
