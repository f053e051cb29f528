import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Secret } from '../../domain/secret.ts';

/** How far a request's time may lie from ours, in seconds, before or after: what Slack's documentation asks for. */
const MAX_SKEW_S = 300;
const SIGNATURE = /^v0=[0-9a-f]{64}$/;
const TIMESTAMP = /^[0-9]{1,12}$/;

/** Why a request is not taken for one of Slack's. For counters and the log; whoever sent it is not told. */
export const SLACK_FAULTS = ['headers', 'age', 'signature', 'replay'] as const;
export type SlackFault = (typeof SLACK_FAULTS)[number];

/** What a request claims, before its body is read. */
export interface SlackClaim {
  /** As sent: Unix seconds. */
  readonly timestamp: string;
  /** `v0=` and 64 hexadecimal digits. */
  readonly signature: string;
}

/** The claim in the headers, each of which has to be there once and in its exact shape, and be of our time; `now` in epoch ms. */
export function readSlackClaim(request: Pick<IncomingMessage, 'headersDistinct'>, now: number): SlackClaim | SlackFault {
  const timestamp = onlyValue(request, 'x-slack-request-timestamp');
  const signature = onlyValue(request, 'x-slack-signature');
  if (timestamp === undefined || signature === undefined) return 'headers';
  if (!TIMESTAMP.test(timestamp) || !SIGNATURE.test(signature)) return 'headers';
  return Math.abs(Math.floor(now / 1_000) - Number(timestamp)) > MAX_SKEW_S ? 'age' : { timestamp, signature };
}

function onlyValue({ headersDistinct }: Pick<IncomingMessage, 'headersDistinct'>, name: string): string | undefined {
  const [value, another] = headersDistinct[name] ?? [];
  return another === undefined ? value : undefined;
}

/** Whether Slack signed this body (docs.slack.dev/authentication/verifying-requests-from-slack). Takes the same time either way. */
export function isSignedBySlack({ timestamp, signature }: SlackClaim, body: Buffer, signingSecret: Secret): boolean {
  const ours = createHmac('sha256', signingSecret.reveal()).update(`v0:${timestamp}:`).update(body).digest();
  const theirs = Buffer.from(signature.slice('v0='.length), 'hex');
  return theirs.length === ours.length && timingSafeEqual(ours, theirs);
}
