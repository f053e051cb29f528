import type { MethodTable } from './method-table.ts';

/** What the token of the app, not of the bot, is for. */
export const socketMethods: MethodTable = {
  'apps.connections.open': (_args, { origin, socketPath }) => ({ url: `${origin.replace(/^http/, 'ws')}${socketPath()}` }),
};
