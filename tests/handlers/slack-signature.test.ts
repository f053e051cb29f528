import { verifySlackRequest } from '@slack/bolt';
import { createHmac, randomBytes, randomInt } from 'node:crypto';
import { Secret } from '../../src/domain/secret.ts';
import { RecentSignatures } from '../../src/handlers/slack/recent-signatures.ts';
import { isSignedBySlack, readSlackClaim } from '../../src/handlers/slack/slack-signature.ts';

const RANDOM_BODIES = 10_000;
const SECRET = '8f742231b10e8888abcd99yyyzzz85a5';
const NOW_S = 1_531_420_618;
const NOW_MS = NOW_S * 1_000;

// docs.slack.dev/authentication/verifying-requests-from-slack
const PUBLISHED_BODY =
  'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar' +
  '&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com' +
  '%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
const PUBLISHED_SIGNATURE = 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503';

function sign(timestamp: number | string, body: string): string {
  return `v0=${createHmac('sha256', SECRET).update(`v0:${timestamp}:${body}`).digest('hex')}`;
}

function headersOf(timestamp: string | string[] | undefined, signature: string | string[] | undefined) {
  const list = (value: string | string[] | undefined): string[] | undefined => (typeof value === 'string' ? [value] : value);
  return { headersDistinct: { 'x-slack-request-timestamp': list(timestamp), 'x-slack-signature': list(signature) } };
}

describe('the signature of Slack', () => {
  it('is the published one for the published request', () => {
    const claim = readSlackClaim(headersOf(String(NOW_S), PUBLISHED_SIGNATURE), NOW_MS);
    expect(claim).toEqual({ timestamp: String(NOW_S), signature: PUBLISHED_SIGNATURE });
    if (typeof claim === 'string') throw new Error(claim);
    expect(isSignedBySlack(claim, Buffer.from(PUBLISHED_BODY), new Secret(SECRET))).toBe(true);
    expect(isSignedBySlack(claim, Buffer.from(`${PUBLISHED_BODY} `), new Secret(SECRET))).toBe(false);
  });

  it('is what the vendor’s own code takes and refuses, for random bodies', () => {
    for (let round = 0; round < RANDOM_BODIES; round += 1) {
      const body = randomBytes(randomInt(0, 300)).toString(round % 2 === 0 ? 'latin1' : 'base64');
      // Only the vendor takes times of the future.
      const timestamp = NOW_S - randomInt(0, 600);
      const isForged = randomInt(0, 3) === 0;
      const signature = sign(timestamp, isForged ? `${body}x` : body);
      const claim = readSlackClaim(headersOf(String(timestamp), signature), NOW_MS);
      const isTaken = typeof claim !== 'string' && isSignedBySlack(claim, Buffer.from(body), new Secret(SECRET));
      const verify = (): void =>
        verifySlackRequest({
          signingSecret: SECRET,
          body,
          headers: { 'x-slack-signature': signature, 'x-slack-request-timestamp': timestamp },
          nowMilliseconds: NOW_MS,
        });
      if (isTaken) verify();
      else expect(verify).toThrow('Failed to verify authenticity');
    }
  });

  const good = sign(NOW_S, 'x');
  it.each([
    ['301 s old', String(NOW_S - 301), good, 'age'],
    ['301 s ahead', String(NOW_S + 301), good, 'age'],
    ['NaN', 'NaN', good, 'headers'],
    ['1e9', '1e9', good, 'headers'],
    ['negative', '-1531420618', good, 'headers'],
    ['hexadecimal', '0x5b47d2ca', good, 'headers'],
    ['with a space', ` ${NOW_S}`, good, 'headers'],
    ['no time', undefined, good, 'headers'],
    ['no signature', String(NOW_S), undefined, 'headers'],
    ['an empty signature', String(NOW_S), '', 'headers'],
    ['another version', String(NOW_S), good.replace('v0', 'v1'), 'headers'],
    ['upper case', String(NOW_S), `v0=${good.slice(3).toUpperCase()}`, 'headers'],
    ['63 digits', String(NOW_S), good.slice(0, -1), 'headers'],
    ['65 digits', String(NOW_S), `${good}0`, 'headers'],
    ['a line feed behind it', String(NOW_S), `${good}\n`, 'headers'],
    ['two signatures', String(NOW_S), [good, good], 'headers'],
    ['two signatures in one', String(NOW_S), `${good}, ${good}`, 'headers'],
    ['two times', [String(NOW_S), String(NOW_S)], good, 'headers'],
  ])('is not looked at with %s', (_name, timestamp, signature, fault) => {
    expect(readSlackClaim(headersOf(timestamp, signature), NOW_MS)).toBe(fault);
  });

  it.each([NOW_S - 300, NOW_S + 300])('may be 300 s away: %s', (timestamp) => {
    expect(readSlackClaim(headersOf(String(timestamp), good), NOW_MS + 999)).toMatchObject({ timestamp: String(timestamp) });
  });
});

describe('recent signatures', () => {
  it('are taken once within ten minutes', () => {
    const recent = new RecentSignatures();
    expect(recent.take('a', 0)).toBe(true);
    expect(recent.take('a', 599_999)).toBe(false);
    expect(recent.take('b', 599_999)).toBe(true);
    expect(recent.take('a', 600_000)).toBe(true);
  });

  it('are forgotten, the oldest first, when there are too many', () => {
    const recent = new RecentSignatures();
    for (let index = 0; index < 60_000; index += 1) recent.take(`s${index}`, 0);
    expect(recent.take('s59999', 1)).toBe(false);
    expect(recent.take('s0', 1)).toBe(true);
  });
});
