import type { Notifier } from './domain/notifier.ts';
import type { Settings } from './domain/settings.ts';
import { NOTIFICATION_CHANNELS, type NotificationChannel } from './domain/state.ts';
import { LogNotifier } from './notifiers/log-notifier.ts';
import type { WhoIs } from './notifiers/slack/slack-notifier.ts';

export interface NotifierParts {
  /** The Slack users behind a name of the configuration. */
  readonly whoIs: WhoIs;
  /** Says in the log what people would have been told. */
  readonly writeLine: (line: string) => void;
}

/**
 * One notifier for each channel; the log stands in for what is not configured. The vendors' clients are loaded only where they are:
 * together they would double the time until alerts are taken.
 */
export async function buildNotifiers(
  { slack, pagerduty, externalUrl }: Pick<Settings, 'slack' | 'pagerduty' | 'externalUrl'>,
  { whoIs, writeLine }: NotifierParts,
): Promise<ReadonlyMap<NotificationChannel, Notifier>> {
  const inTheLog = new LogNotifier(writeLine);
  const notifiers = new Map<NotificationChannel, Notifier>(NOTIFICATION_CHANNELS.map((channel) => [channel, inTheLog]));
  if (slack !== undefined) {
    const { SlackNotifier } = await import('./notifiers/slack/slack-notifier.ts');
    notifiers.set('slack', new SlackNotifier({ token: slack.botToken, apiUrl: slack.apiUrl, whoIs }));
  }
  if (pagerduty !== undefined && pagerduty.services.size > 0) {
    const { PagerDutyNotifier } = await import('./notifiers/pagerduty/pagerduty-notifier.ts');
    notifiers.set('pagerduty', new PagerDutyNotifier({ ...pagerduty, externalUrl }));
  }
  return notifiers;
}
