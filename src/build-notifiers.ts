import type { Notifier } from './domain/notifier.ts';
import type { Settings } from './domain/settings.ts';
import { NOTIFICATION_CHANNELS, type NotificationChannel } from './domain/state.ts';
import { LogNotifier } from './notifiers/log-notifier.ts';
import { PagerDutyNotifier } from './notifiers/pagerduty/pagerduty-notifier.ts';
import { SlackNotifier, type WhoIs } from './notifiers/slack/slack-notifier.ts';

export interface NotifierParts {
  /** The Slack users behind a name of the configuration. */
  readonly whoIs: WhoIs;
  /** Says in the log what people would have been told. */
  readonly writeLine: (line: string) => void;
}

/** One notifier for each channel; the log stands in for what is not configured. */
export function buildNotifiers(
  { slack, pagerduty, externalUrl }: Pick<Settings, 'slack' | 'pagerduty' | 'externalUrl'>,
  { whoIs, writeLine }: NotifierParts,
): ReadonlyMap<NotificationChannel, Notifier> {
  const inTheLog = new LogNotifier(writeLine);
  const notifiers = new Map<NotificationChannel, Notifier>(NOTIFICATION_CHANNELS.map((channel) => [channel, inTheLog]));
  if (slack !== undefined) notifiers.set('slack', new SlackNotifier({ token: slack.botToken, apiUrl: slack.apiUrl, whoIs }));
  if (pagerduty !== undefined && pagerduty.services.size > 0)
    notifiers.set('pagerduty', new PagerDutyNotifier({ ...pagerduty, externalUrl }));
  return notifiers;
}
