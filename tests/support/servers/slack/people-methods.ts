import * as z from 'zod';
import type { MethodTable } from './method-table.ts';
import { SlackRefusal } from './slack-refusal.ts';
import { BOT_ID } from './wire-shapes.ts';

const text = z.string().catch('');

/** Methods that say who is who. */
export const peopleMethods: MethodTable = {
  'auth.test': (_args, { workspace, origin }) => ({
    url: `${origin}/`,
    team: 'Example',
    team_id: workspace.teamId,
    user: 'remedyd',
    user_id: workspace.botUserId,
    bot_id: BOT_ID,
    is_enterprise_install: false,
  }),
  'users.info': (args, { workspace }) => {
    const id = text.parse(args['user']);
    const name = workspace.users.get(id);
    if (name === undefined) throw new SlackRefusal('user_not_found');
    const profile = { real_name: name, display_name: name, email: `${name}@example.com` };
    return { user: { id, team_id: workspace.teamId, name, real_name: name, deleted: false, is_bot: false, profile } };
  },
  'usergroups.users.list': (args, { workspace }) => {
    const users = workspace.userGroups.get(text.parse(args['usergroup']));
    if (users === undefined) throw new SlackRefusal('no_such_subteam');
    return { users };
  },
};
