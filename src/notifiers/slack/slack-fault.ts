import { NotifyError, type NotifyErrorCode } from '../../domain/notifier.ts';

/** Slack answered `ok: false`: nothing was done, except where `SLACK_ERRORS` says `unknown`. */
export class SlackRefusal extends Error {
  readonly method: string;
  /** Slack's own word, e.g. `channel_not_found`. */
  readonly error: string;

  constructor(method: string, error: string) {
    super(`Slack refused ${method}: ${error}`);
    this.name = 'SlackRefusal';
    this.method = method;
    this.error = error;
  }
}

// Slack's words, by what they mean for a message: docs.slack.dev/reference/methods/chat.postMessage and its siblings.
const SLACK_ERRORS: Readonly<Record<string, NotifyErrorCode>> = {
  // Another place may do.
  channel_not_found: 'unreachable_place',
  not_in_channel: 'unreachable_place',
  is_archived: 'unreachable_place',
  restricted_action: 'unreachable_place',
  restricted_action_read_only_channel: 'unreachable_place',
  restricted_action_thread_only_channel: 'unreachable_place',
  restricted_action_non_threadable_channel: 'unreachable_place',
  user_not_found: 'unreachable_place',
  users_not_found: 'unreachable_place',
  user_disabled: 'unreachable_place',
  user_not_visible: 'unreachable_place',
  cannot_dm_bot: 'unreachable_place',
  messages_tab_disabled: 'unreachable_place',
  method_not_supported_for_channel_type: 'unreachable_place',
  team_access_not_granted: 'unreachable_place',
  is_inactive: 'unreachable_place',
  // A person has to repair the app or its token.
  invalid_auth: 'unauthorized',
  not_authed: 'unauthorized',
  token_revoked: 'unauthorized',
  token_expired: 'unauthorized',
  account_inactive: 'unauthorized',
  missing_scope: 'unauthorized',
  no_permission: 'unauthorized',
  access_denied: 'unauthorized',
  not_allowed_token_type: 'unauthorized',
  org_login_required: 'unauthorized',
  ekm_access_denied: 'unauthorized',
  // As it is, it is never taken.
  no_text: 'refused',
  invalid_arguments: 'refused',
  invalid_arg_name: 'refused',
  invalid_metadata_format: 'refused',
  invalid_metadata_schema: 'refused',
  // Slack's own trouble. Of the first two its documentation says that a part may have been done before.
  internal_error: 'unknown',
  fatal_error: 'unknown',
  service_unavailable: 'passing',
  request_timeout: 'passing',
  team_added_to_org: 'passing',
  accesslimited: 'passing',
  ratelimited: 'limited',
  rate_limited: 'limited',
  message_limit_exceeded: 'limited',
};

/** Without a word from Slack how long. */
const LIMITED_MS = 30_000;
/** A word that is not known here is taken for passing so many times: about an hour and a half. After that it is refused. */
const ATTEMPTS_FOR_UNKNOWN_WORDS = 24;

/** What a refusal means for the outbox. `attempts`: how often it was tried before. */
export function notifyErrorOf(refusal: SlackRefusal, attempts: number): NotifyError {
  const known = Object.hasOwn(SLACK_ERRORS, refusal.error) ? SLACK_ERRORS[refusal.error] : undefined;
  const code = known ?? (attempts < ATTEMPTS_FOR_UNKNOWN_WORDS ? 'passing' : 'refused');
  const advice = Object.hasOwn(ADVICE, refusal.error) ? ADVICE[refusal.error] : undefined;
  return new NotifyError(code, `${refusal.message}${advice ?? ''}`, {
    cause: refusal,
    ...(code === 'limited' ? { retryAfterMs: LIMITED_MS } : {}),
  });
}

const ADVICE: Readonly<Record<string, string>> = {
  not_in_channel: '; invite the app into the channel',
  channel_not_found: '; correct its name, or invite the app into the private channel',
  is_archived: '; name another channel',
  missing_scope: '; add the scope that docs/slack.md names to the app and install it again',
  invalid_auth: '; check slack.bot_token',
  not_authed: '; check slack.bot_token',
  token_revoked: '; install the app again and set slack.bot_token',
  token_expired: '; install the app again and set slack.bot_token',
  account_inactive: '; install the app again and set slack.bot_token',
};
