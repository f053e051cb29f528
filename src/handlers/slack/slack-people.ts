import { apiRoleOf } from '../../domain/api-role-of.ts';
import { rolesOf } from '../../domain/roles-of.ts';
import { SLACK_STRANGER } from '../../domain/slack-stranger.ts';
import type { Settings } from '../../domain/settings.ts';
import type { Actor } from '../../pipeline/event.ts';
import type { SlackUser } from './slack-request.ts';
import type { UsergroupMembers } from './usergroup-members.ts';

/** Who a Slack user is here, or why she is nobody: a text for her. */
export type Identified = { readonly actor: Actor } | { readonly refusal: string };

export interface SlackPeopleDeps {
  readonly settings: () => Pick<Settings, 'people' | 'roles' | 'auth'>;
  readonly usergroups: Pick<UsergroupMembers, 'of'>;
  /** The bot's own workspace, once Slack has told it. */
  readonly teamId: () => string | undefined;
}

/** Knows people by their Slack user ids; names count for nothing. */
export class SlackPeople {
  readonly #deps: SlackPeopleDeps;

  constructor(deps: SlackPeopleDeps) {
    this.#deps = deps;
  }

  /** Takes a second at most, whatever Slack does. */
  async identify(user: SlackUser, requestId: string): Promise<Identified> {
    const own = this.#deps.teamId();
    if (own !== undefined && user.teamIds.some((teamId) => teamId !== own))
      return { refusal: `nothing was done: ${user.id} is of another workspace, and only people of this one may act here` };
    const { people, roles, auth } = this.#deps.settings();
    const groups = [...roles.values()].map((role) => role.slackUsergroup).filter((id) => id !== undefined);
    const members = await this.#deps.usergroups.of([...new Set(groups)]);
    const isMember = (group: string | undefined): boolean => group !== undefined && (members.get(group)?.has(user.id) ?? false);
    const ofGroups = [...roles].flatMap(([name, role]) => (isMember(role.slackUsergroup) ? [name] : []));
    const named = [...people].find(([, person]) => person.slack === user.id)?.[0];
    if (named === undefined && ofGroups.length === 0) {
      const unread = groups.some((group) => members.get(group) === undefined);
      return { refusal: `${unknownUser(user.id)}${unread ? ' (Slack does not tell just now who is in its user groups)' : ''}` };
    }
    const person = named ?? `${SLACK_STRANGER}${user.id}`;
    return {
      actor: {
        person,
        role: apiRoleOf(person, auth.tokens),
        roles: [...new Set([...rolesOf(person, roles), ...ofGroups])],
        via: 'slack',
        requestId,
      },
    };
  }
}

function unknownUser(id: string): string {
  return `nothing was done: the Slack user ${id} is not known here; add people: { NAME: { slack: ${id} } } to remedyd.yml`;
}
