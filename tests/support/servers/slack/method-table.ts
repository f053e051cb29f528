import type { SlackArguments } from './read-arguments.ts';
import type { Interactions } from './interactions.ts';
import type { Workspace } from './workspace.ts';

/** What a method may touch. */
export interface MethodContext {
  readonly workspace: Workspace;
  readonly interactions: Interactions;
  /** `http://127.0.0.1:<port>`. */
  readonly origin: string;
  /** A fresh path for one Socket Mode connection. */
  readonly socketPath: () => string;
}

/** Returns what goes with `ok: true`, or throws a SlackRefusal. */
export type SlackMethod = (args: SlackArguments, context: MethodContext) => object;

export type MethodTable = Readonly<Record<string, SlackMethod>>;
