import * as z from 'zod';

/** The buttons and menus of our messages. */
export const SLACK_ACTIONS = [
  'ack',
  'approve',
  'reject',
  'cancel',
  'run_now',
  'escalate',
  'silence',
  'resolve',
  'retry',
  'why',
] as const;
export type SlackActionName = (typeof SLACK_ACTIONS)[number];

/** Who did it, as Slack vouches for it. Names are left out: anybody can change hers. */
export interface SlackUser {
  readonly id: string;
  /** The workspaces that the request names as the user's. */
  readonly teamIds: readonly string[];
}

/** What a person did in Slack, whichever way it came. */
export type SlackRequest = SlackAction | SlackCommand;

export interface SlackAction {
  readonly kind: 'action';
  readonly user: SlackUser;
  readonly action: SlackActionName;
  /** What the button carries; of a menu the chosen option. */
  readonly value: string;
  /** Around a menu it is the incident's id. */
  readonly blockId: string;
  /** Where an answer can be posted for half an hour: whoever knows it may. */
  readonly responseUrl: string | undefined;
}

export interface SlackCommand {
  readonly kind: 'command';
  readonly user: SlackUser;
  /** What follows `/remedyd`, with Slack's escaping. */
  readonly text: string;
}

const ACTION_PREFIX = 'remedyd:';

const id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);
const text = z.string().max(4_000);

const blockActions = z.object({
  type: z.literal('block_actions'),
  user: z.object({ id, team_id: id.nullish() }),
  team: z.object({ id }).nullish(),
  response_url: text.nullish(),
  actions: z
    .array(
      z.object({
        action_id: text,
        block_id: text.nullish(),
        value: text.nullish(),
        selected_option: z.object({ value: text }).nullish(),
      }),
    )
    .min(1),
});

const slashCommand = z.object({
  command: z.string().startsWith('/'),
  text: z.string().max(16_000).default(''),
  user_id: id,
  team_id: id.nullish(),
});

/** The payload of an interaction (docs.slack.dev/reference/interaction-payloads); `undefined` for what is none of ours. */
export function parseInteraction(payload: unknown): SlackAction | undefined {
  const parsed = blockActions.safeParse(payload);
  const [chosen] = parsed.data?.actions ?? [];
  if (parsed.data === undefined || chosen === undefined) return undefined;
  const action = SLACK_ACTIONS.find((name) => chosen.action_id === `${ACTION_PREFIX}${name}`);
  if (action === undefined) return undefined;
  const { user, team, response_url: responseUrl } = parsed.data;
  return {
    kind: 'action',
    user: { id: user.id, teamIds: present(user.team_id, team?.id) },
    action,
    value: chosen.selected_option?.value ?? chosen.value ?? '',
    blockId: chosen.block_id ?? '',
    responseUrl: responseUrl ?? undefined,
  };
}

/** The fields of a slash command (docs.slack.dev/interactivity/implementing-slash-commands); `undefined` for what is none. */
export function parseCommand(fields: unknown): SlackCommand | undefined {
  const { data } = slashCommand.safeParse(fields);
  if (data === undefined) return undefined;
  return { kind: 'command', user: { id: data.user_id, teamIds: present(data.team_id) }, text: data.text };
}

/** What an interaction's form holds. */
export function parseInteractionForm(body: Buffer): SlackAction | undefined {
  const [payload, another] = new URLSearchParams(body.toString('utf8')).getAll('payload');
  if (payload === undefined || another !== undefined) return undefined;
  try {
    return parseInteraction(JSON.parse(payload));
  } catch {
    return undefined;
  }
}

/** What a command's form holds. */
export function parseCommandForm(body: Buffer): SlackCommand | undefined {
  return parseCommand(Object.fromEntries(new URLSearchParams(body.toString('utf8'))));
}

function present(...values: readonly (string | null | undefined)[]): readonly string[] {
  return values.filter((value) => value != null);
}
