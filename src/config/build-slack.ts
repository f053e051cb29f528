import type { SlackSettings } from '../domain/settings.ts';
import { withoutUndefined } from '../domain/without-undefined.ts';
import type { Report } from './report.ts';
import type { ConfigDefinition } from './schema.ts';

/** How Slack is reached, and how it reaches us. Without a token for messages there is none. */
export function buildSlack(given: NonNullable<ConfigDefinition['slack']>, report: Report): SlackSettings | undefined {
  const { bot_token: botToken, signing_secret: signingSecret, app_token: appToken } = given;
  if (appToken?.reveal().startsWith('xapp-') === false) {
    report(['slack', 'app_token'], 'an app-level token starts with xapp-; it is made under Basic Information, App-Level Tokens');
  }
  if (botToken === undefined) {
    report(['slack'], "'bot_token' or 'bot_token_file' is missing: without it no message goes out", { at: 'key' });
    return undefined;
  }
  if (!botToken.reveal().startsWith('xoxb-')) {
    report(
      ['slack', 'bot_token'],
      'a bot token starts with xoxb-; with another one, what the bot may do is not what the docs say',
      {
        severity: 'warning',
      },
    );
  }
  if (signingSecret === undefined && appToken === undefined) {
    report(
      ['slack'],
      "neither 'signing_secret' (HTTP) nor 'app_token' (Socket Mode): messages go out, buttons and commands do not come back",
      { at: 'key', severity: 'warning' },
    );
  }
  return {
    botToken,
    ...withoutUndefined({ signingSecret, appToken, defaultChannel: given.default_channel, apiUrl: given.api_url }),
  };
}
