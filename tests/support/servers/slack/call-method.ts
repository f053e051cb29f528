import type { IncomingHttpHeaders } from 'node:http';
import { chatMethods } from './chat-methods.ts';
import { conversationMethods } from './conversation-methods.ts';
import { fileMethods } from './file-methods.ts';
import type { MethodContext, MethodTable } from './method-table.ts';
import { peopleMethods } from './people-methods.ts';
import type { SlackArguments } from './read-arguments.ts';
import { SlackRefusal } from './slack-refusal.ts';
import { socketMethods } from './socket-methods.ts';
import { viewMethods } from './view-methods.ts';

const botMethods: MethodTable = { ...chatMethods, ...conversationMethods, ...fileMethods, ...peopleMethods, ...viewMethods };

/** Calls a method of the Web API, once the token may; throws a SlackRefusal. */
export function callMethod(
  name: string,
  args: SlackArguments,
  headers: IncomingHttpHeaders,
  tokens: { readonly bot: string; readonly app: string },
  context: MethodContext,
): object {
  const isForApps = Object.hasOwn(socketMethods, name);
  const method = isForApps ? socketMethods[name] : Object.hasOwn(botMethods, name) ? botMethods[name] : undefined;
  if (method === undefined) throw new SlackRefusal('unknown_method', { req_method: name });
  const token = headers.authorization?.match(/^Bearer (.+)$/)?.[1] ?? args['token'];
  if (token === undefined) throw new SlackRefusal('not_authed');
  if (token !== tokens.bot && token !== tokens.app) throw new SlackRefusal('invalid_auth');
  if (token !== (isForApps ? tokens.app : tokens.bot)) throw new SlackRefusal('not_allowed_token_type');
  return method(args, context);
}
