import * as z from 'zod';
import type { Clock } from '../../domain/clock.ts';
import type { SlackSettings } from '../../domain/settings.ts';
import type { SlackLog } from './slack-in-deps.ts';

const TIMEOUT_MS = 5_000;
/** After a question that Slack did not answer. */
const ASK_AGAIN_MS = 30_000;

const usergroupAnswer = z.object({ users: z.array(z.string()) });
const authAnswer = z.object({ team_id: z.string() });

export interface SlackDirectoryDeps {
  /** As they are at this moment. */
  readonly settings: () => SlackSettings | undefined;
  readonly clock: Clock;
  readonly log: Pick<SlackLog, 'warn'>;
}

/** What Slack knows of people and of its workspace. */
export class SlackDirectory {
  readonly #deps: SlackDirectoryDeps;
  #teamId: string | undefined;
  #askedAt = -Infinity;

  constructor(deps: SlackDirectoryDeps) {
    this.#deps = deps;
  }

  /** The user ids of a group (`usergroups.users.list`). Throws when Slack does not tell. */
  async usergroupMembers(id: string): Promise<readonly string[]> {
    return usergroupAnswer.parse(await this.#call('usergroups.users.list', { usergroup: id })).users;
  }

  /** The bot's own workspace, once `auth.test` has answered: it is asked beside, and again while it has not. */
  teamId(): string | undefined {
    const { settings, clock } = this.#deps;
    if (this.#teamId === undefined && settings() !== undefined && clock.monotonic() - this.#askedAt >= ASK_AGAIN_MS) {
      this.#askedAt = clock.monotonic();
      void this.#askTeam();
    }
    return this.#teamId;
  }

  async #askTeam(): Promise<void> {
    try {
      this.#teamId = authAnswer.parse(await this.#call('auth.test', {})).team_id;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#deps.log.warn({ reason }, 'Slack does not tell which workspace the bot is of');
    }
  }

  async #call(method: string, args: Readonly<Record<string, string>>): Promise<unknown> {
    const settings = this.#deps.settings();
    if (settings === undefined) throw new Error('slack is not configured');
    const { LogLevel, WebClient } = await import('@slack/web-api');
    const nothing = (): void => undefined;
    const client = new WebClient(settings.botToken.reveal(), {
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      timeout: TIMEOUT_MS,
      logger: {
        debug: nothing,
        info: nothing,
        warn: nothing,
        error: nothing,
        setLevel: nothing,
        setName: nothing,
        getLevel: () => LogLevel.ERROR,
      },
      ...(settings.apiUrl === undefined ? {} : { slackApiUrl: withSlash(settings.apiUrl) }),
    });
    // The client's error may hold the request, and with it the token: only its text goes on.
    const answer = await client
      .apiCall(method, args)
      .catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
    if (typeof answer === 'string') throw new Error(answer);
    return answer;
  }
}

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}
