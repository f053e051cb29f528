import { randomUUID } from 'node:crypto';
import { checkView } from './check-view.ts';
import type { MethodTable } from './method-table.ts';

/** views.open, with the trigger id of a click or a command. */
export const viewMethods: MethodTable = {
  'views.open': (args, { workspace, interactions }) => {
    const { view, blocks } = checkView(args['view']);
    const user = interactions.useTrigger(args['trigger_id']);
    const id = `V${randomUUID().replaceAll('-', '').slice(0, 9).toUpperCase()}`;
    workspace.views.push({ id, user, view, blocks });
    return { view: { ...view, id, team_id: workspace.teamId, blocks, state: { values: {} } } };
  },
};
