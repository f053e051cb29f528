import * as z from 'zod';
import type { Clock } from './domain/clock.ts';
import { NotifyError } from './domain/notifier.ts';
import type { Settings } from './domain/settings.ts';

const CALL_MS = 10_000;
/** How often it is asked whose token it is, until that is known. */
const ASK_TEAM_EVERY_MS = 60_000;

const team = z.object({ team_id: z.string() });
const members = z.object({ users: z.array(z.string()) });

export interface SlackWorkspaceDeps {
  /** The settings that are live. */
  readonly settings: () => Pick<Settings, 'slack' | 'people' | 'roles'>;
  readonly clock: Clock;
  readonly warn: (fields: object, message: string) => void;
}

/** What Slack says of its people, with the token that is live. */
export class SlackWorkspace {
  readonly #deps: SlackWorkspaceDeps;
  readonly #stop = new AbortController();
  #team: { readonly token: string; readonly id: string } | undefined;
  #asking: Promise<void> | undefined;

  constructor(deps: SlackWorkspaceDeps) {
    this.#deps = deps;
  }

  /** Begins to ask whose workspace the token is for. */
  start(): void {
    this.#asking ??= this.#askTeam();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#asking;
  }

  /** The workspace of the bot; `undefined` until Slack has said it. */
  teamId(): string | undefined {
    return this.#team?.token === this.#token() ? this.#team?.id : undefined;
  }

  /** The user ids of a group. Throws when that cannot be told now. */
  async usergroupMembers(id: string): Promise<readonly string[]> {
    const answer = await this.#call('usergroups.users.list', { usergroup: id });
    return members.parse(answer).users;
  }

  /** The user ids of a person, or of everybody who has a role. Throws `NotifyError` when that cannot be told now. */
  async whoIs(name: string): Promise<readonly string[]> {
    const { people, roles } = this.#deps.settings();
    const idsOf = (person: string): readonly string[] => {
      const id = people.get(person)?.slack;
      return id === undefined ? [] : [id];
    };
    const role = roles.get(name);
    if (role === undefined) return idsOf(name);
    const { slackUsergroup } = role;
    const group = slackUsergroup === undefined ? [] : await this.#membersOrFault(slackUsergroup);
    return [...new Set([...role.people.flatMap(idsOf), ...group])];
  }

  async #membersOrFault(id: string): Promise<readonly string[]> {
    try {
      return await this.usergroupMembers(id);
    } catch (cause) {
      throw new NotifyError('passing', `Slack does not say who is in the user group ${id}`, { cause });
    }
  }

  #token(): string | undefined {
    return this.#deps.settings().slack?.botToken.reveal();
  }

  async #askTeam(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const token = this.#token();
      if (token !== undefined && this.#team?.token !== token) await this.#learnTeam(token);
      await this.#deps.clock.sleep(ASK_TEAM_EVERY_MS, signal).catch(() => undefined);
    }
  }

  async #learnTeam(token: string): Promise<void> {
    try {
      this.#team = { token, id: team.parse(await this.#call('auth.test', {})).team_id };
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#deps.warn({ err: error }, 'Slack does not say whose token slack.bot_token is');
    }
  }

  async #call(method: string, args: Record<string, unknown>): Promise<unknown> {
    const { slack } = this.#deps.settings();
    if (slack === undefined) throw new NotifyError('refused', 'Slack is not configured');
    const { SlackApi } = await import('./notifiers/slack/slack-api.ts');
    using timeout = this.#deps.clock.timeout(CALL_MS, this.#stop.signal);
    return await new SlackApi(slack.botToken, slack.apiUrl).call(method, args, timeout.signal);
  }
}
