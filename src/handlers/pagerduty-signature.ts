import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../domain/secret.ts';

const SIGNATURE = /^v1=([0-9a-f]{64})$/i;
/** PagerDuty sends one for each secret that is being replaced; nobody else makes us compare without end. */
const MAX_SIGNATURES = 20;

/**
 * Whether one of the signatures of `X-PagerDuty-Signature` is that of the body with one of the secrets. Other versions than
 * `v1` are for others (https://developer.pagerduty.com/docs/verifying-webhook-signatures).
 */
export function isSignedByPagerDuty(header: string, body: Buffer, secrets: readonly Secret[]): boolean {
  const theirs = header
    .split(',', MAX_SIGNATURES)
    .flatMap((signature) => SIGNATURE.exec(signature.trim())?.[1] ?? [])
    .map((digits) => Buffer.from(digits, 'hex'));
  const ours = secrets.map((secret) => createHmac('sha256', secret.reveal()).update(body).digest());
  // All are compared, so that the time does not tell which one fits.
  return ours.flatMap((own) => theirs.map((their) => timingSafeEqual(own, their))).includes(true);
}
