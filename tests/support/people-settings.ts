import type { PagerDutyServer } from './servers/pagerduty/types.ts';
import type { SlackServer } from './servers/slack/types.ts';

/** The people of the tests, by their ids in the local Slack and PagerDuty. Carol is known, and in no role. */
export const ALICE = 'U0ALICE01';
export const BOB = 'U0BOB0001';
export const CAROL = 'U0CAROL01';
export const PAGERDUTY_WEBHOOK_SECRET = 'pagerduty-webhook-secret-of-the-tests';

/** Keys of `remedyd.yml` with which a daemon tells these people through the local Slack and PagerDuty. */
export function peopleSettings(slack: SlackServer, pagerduty?: PagerDutyServer): Readonly<Record<string, unknown>> {
  return {
    people: { alice: { slack: ALICE, pagerduty: 'PALICE1' }, bob: { slack: BOB }, carol: { slack: CAROL } },
    roles: { sre: ['alice', 'bob'] },
    approval: { roles: ['sre'] },
    slack: {
      bot_token: slack.botToken,
      signing_secret: slack.signingSecret,
      default_channel: '#ops',
      api_url: slack.apiUrl,
    },
    ...(pagerduty === undefined
      ? {}
      : {
          pagerduty: {
            services: { critical: { routing_key: pagerduty.routingKey } },
            events_url: pagerduty.eventsUrl,
            webhook_secrets: [PAGERDUTY_WEBHOOK_SECRET],
          },
        }),
  };
}

/** The environment with which a daemon trusts the local PagerDuty. */
export function trusting(pagerduty: PagerDutyServer): Readonly<Record<string, string>> {
  return { NODE_EXTRA_CA_CERTS: pagerduty.caFile };
}
