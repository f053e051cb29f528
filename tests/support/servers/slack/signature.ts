import { createHmac } from 'node:crypto';

/** The signature of docs.slack.dev/authentication/verifying-requests-from-slack; the timestamp in Unix seconds. */
export function signSlackRequest(secret: string, timestamp: number | string, rawBody: string): string {
  return `v0=${createHmac('sha256', secret)
    .update(`v0:${String(timestamp)}:${rawBody}`)
    .digest('hex')}`;
}
