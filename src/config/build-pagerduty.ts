import type { Secret } from '../domain/secret.ts';
import type { PagerDutySettings } from '../domain/settings.ts';
import { withoutUndefined } from '../domain/without-undefined.ts';
import type { Report } from './report.ts';
import type { ConfigDefinition } from './schema.ts';

// https://developer.pagerduty.com/docs/events-api-v2-overview: "Integration Key", 32 characters.
const ROUTING_KEY = /^[A-Za-z0-9]{32}$/;

/** The services that can be paged, and the secrets of the webhooks that come back. */
export function buildPagerDuty(given: NonNullable<ConfigDefinition['pagerduty']>, report: Report): PagerDutySettings {
  const services = Object.entries(given.services ?? {}).flatMap(([name, { routing_key: key }]): [string, Secret][] => {
    const path = ['pagerduty', 'services', name];
    if (key === undefined) {
      report(path, "'routing_key' or 'routing_key_file' is missing", { at: 'key' });
      return [];
    }
    const { length } = key.reveal();
    if (!ROUTING_KEY.test(key.reveal())) {
      report(
        [...path, 'routing_key'],
        `a routing key of the Events API v2 has 32 letters and digits, this text has ${length} characters`,
      );
    }
    return [[name, key]];
  });
  return {
    services: new Map(services),
    webhookSecrets: given.webhook_secrets ?? [],
    ...withoutUndefined({ eventsUrl: given.events_url }),
  };
}
