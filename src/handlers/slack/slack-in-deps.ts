import type { Clock } from '../../domain/clock.ts';
import type { RuleSet } from '../../domain/rule.ts';
import type { Settings } from '../../domain/settings.ts';
import type { Store } from '../../domain/store.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';

/** Asks Slack for the user ids of a group; throws when it cannot be told. */
export type AskUsergroup = (id: string) => Promise<readonly string[]>;

/** What people in Slack need of the daemon. */
export interface SlackInDeps {
  readonly pipeline: Pick<Pipeline, 'apply' | 'isAccepting'>;
  readonly store: Pick<Store, 'approval' | 'incidentDetail' | 'runDetail' | 'listIncidents' | 'counts' | 'switches'>;
  readonly clock: Clock;
  /** As they are at this moment. */
  readonly settings: () => Pick<Settings, 'slack' | 'people' | 'roles' | 'auth' | 'connections'>;
  readonly rules: () => RuleSet;
  /** Asks Slack for the user ids of a group (`usergroups.users.list`). */
  readonly usergroupMembers: AskUsergroup;
  /** The workspace of the bot, once `auth.test` has answered. */
  readonly teamId: () => string | undefined;
  readonly onFault: (message: string, error: unknown) => void;
  readonly log: SlackLog;
}

/** The log, as pino has it. */
export interface SlackLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
