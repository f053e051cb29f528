import { findElements, optionsOf, type FoundElement } from './controls.ts';
import type { Interactions } from './interactions.ts';
import type { SlackMessage, SlackSocketClick, SlackSocketCommand, SlackSocketSubmission, SlackView } from './types.ts';
import { APP_ID, TEAM_DOMAIN, wireMessage } from './wire-shapes.ts';
import type { Workspace } from './workspace.ts';

/** What Slack sends of what people do. */
export interface InteractionPayloads {
  /** `block_actions`: docs.slack.dev/reference/interaction-payloads/block_actions-payload */
  readonly click: (click: SlackSocketClick) => object;
  /** docs.slack.dev/interactivity/implementing-slash-commands */
  readonly command: (command: SlackSocketCommand) => Readonly<Record<string, string>>;
  /** `view_submission`: docs.slack.dev/reference/interaction-payloads/view-interactions-payload */
  readonly submission: (submission: SlackSocketSubmission) => object;
}

// Slack still sends this deprecated token; nobody should look at it.
const VERIFICATION_TOKEN = 'deprecated-verification-token';

export function createInteractionPayloads(workspace: Workspace, interactions: Interactions): InteractionPayloads {
  const nameOf = (user: string): string => workspace.users.get(user) ?? user.toLowerCase();
  const common = (type: string, user: string, team = workspace.teamId): object => ({
    type,
    user: { id: user, username: nameOf(user), name: nameOf(user), team_id: team },
    api_app_id: APP_ID,
    token: VERIFICATION_TOKEN,
    trigger_id: interactions.createTrigger(user),
    team: { id: team, domain: TEAM_DOMAIN },
    enterprise: null,
    is_enterprise_install: false,
  });

  return {
    click: (click) => {
      const channel = workspace.channel(click.channel);
      const ts = typeof click.message === 'string' ? click.message : click.message.ts;
      const message = workspace.message(channel, ts);
      const found = findControl(message, click.actionId);
      const thread = message.threadTs === undefined ? {} : { thread_ts: message.threadTs };
      return {
        ...common('block_actions', click.user, click.team),
        container: { type: 'message', message_ts: ts, channel_id: channel.id, is_ephemeral: false, ...thread },
        channel: { id: channel.id, name: channel.name },
        message: wireMessage(workspace, channel, message),
        state: { values: stateValues(message, click) },
        response_url: interactions.createResponseUrl('actions', { user: click.user, channel: channel.id, messageTs: ts }),
        actions: [action(found, click)],
      };
    },
    command: ({ user, team = workspace.teamId, text, command = '/remedyd', channel }) => {
      const place = channel === undefined ? workspace.channels[0] : workspace.channel(channel);
      if (place === undefined) throw new Error('this Slack has no channel to give a command in');
      return {
        token: VERIFICATION_TOKEN,
        team_id: team,
        team_domain: TEAM_DOMAIN,
        channel_id: place.id,
        channel_name: place.name,
        user_id: user,
        user_name: nameOf(user),
        command,
        text,
        api_app_id: APP_ID,
        is_enterprise_install: 'false',
        response_url: interactions.createResponseUrl('commands', { user, channel: place.id }),
        trigger_id: interactions.createTrigger(user),
      };
    },
    submission: ({ user, team, view, values }) => {
      const opened = typeof view === 'string' ? workspace.views.find(({ id }) => id === view) : view;
      if (opened === undefined) throw new Error(`no view ${JSON.stringify(view)} was opened`);
      return {
        ...common('view_submission', user, team),
        view: {
          callback_id: '',
          private_metadata: '',
          ...opened.view,
          id: opened.id,
          team_id: workspace.teamId,
          app_id: APP_ID,
          blocks: opened.blocks,
          hash: `${String(Date.now())}.hash`,
          root_view_id: opened.id,
          previous_view_id: null,
          state: { values: submittedValues(opened, values) },
        },
        response_urls: [],
      };
    },
  };
}

function findControl(message: SlackMessage, actionId: string): FoundElement {
  const elements = findElements(message.blocks);
  const found = elements.find(({ element }) => element.action_id === actionId);
  if (found === undefined) {
    const known = elements.map(({ element }) => element.action_id).join(', ');
    throw new Error(`message ${message.ts} has no control '${actionId}', only: ${known === '' ? 'none' : known}`);
  }
  return found;
}

function action(found: FoundElement, { value, selected }: SlackSocketClick): object {
  const { block, element } = found;
  const now = `${String(Math.floor(Date.now() / 1_000))}.${String(Date.now() % 1_000).padStart(3, '0')}000`;
  const origin = { type: element.type, block_id: block.block_id, action_id: element.action_id, action_ts: now };
  if (element.type === 'button') {
    const given = value ?? element.value;
    return { ...origin, text: element.text, ...(given === undefined ? {} : { value: given }) };
  }
  return { ...origin, ...chosen(found, value ?? selected) };
}

/** What a menu, or an input, says when this was chosen or typed in it. */
function chosen(found: FoundElement, value: string | undefined): object {
  const { element } = found;
  switch (element.type) {
    case 'users_select':
      return { selected_user: value ?? null };
    case 'conversations_select':
      return { selected_conversation: value ?? null };
    case 'channels_select':
      return { selected_channel: value ?? null };
    case 'datepicker':
      return { selected_date: value ?? null };
    case 'timepicker':
      return { selected_time: value ?? null };
    case 'multi_static_select':
    case 'checkboxes':
      return { selected_options: value === undefined ? [] : value.split(',').map((one) => findOption(found, one)) };
    case 'static_select':
    case 'radio_buttons':
    case 'overflow':
    case 'external_select':
      return { selected_option: value === undefined ? (element.initial_option ?? null) : findOption(found, value) };
    default:
      return { value: value ?? null };
  }
}

function findOption(found: FoundElement, value: string): object {
  const option = optionsOf(found).find((candidate) => candidate.value === value);
  if (option === undefined) {
    const known = optionsOf(found).map((candidate) => candidate.value);
    throw new Error(`menu '${found.element.action_id}' has no option '${value}', only: ${known.join(', ')}`);
  }
  return option;
}

/** What the menus of a message show while a person acts; buttons and overflow menus have no state. */
function stateValues(message: SlackMessage, click: SlackSocketClick): object {
  const stateful = findElements(message.blocks).filter(({ element }) => !['button', 'overflow'].includes(element.type));
  const values: Record<string, Record<string, object>> = {};
  for (const found of stateful) {
    const { block, element } = found;
    const value = element.action_id === click.actionId ? click.selected : undefined;
    values[block.block_id] = { ...values[block.block_id], [element.action_id]: { type: element.type, ...chosen(found, value) } };
  }
  return values;
}

/** The state of a submitted view. Slack does not let a required input stay empty, and sends no unknown ones. */
function submittedValues({ blocks }: SlackView, values: Readonly<Record<string, string>>): object {
  const inputs = findElements(blocks).filter(({ block }) => block.type === 'input');
  const known = inputs.map(({ block }) => block.block_id);
  const unknown = Object.keys(values).find((id) => !known.includes(id));
  if (unknown !== undefined) throw new Error(`the view has no input block '${unknown}', only: ${known.join(', ')}`);
  return Object.fromEntries(
    inputs.map((found) => {
      const { block, element } = found;
      const given = values[block.block_id] ?? initialValue(element);
      const isMissing = given === undefined && (element.initial_option ?? undefined) === undefined;
      if (isMissing && block['optional'] !== true) throw new Error(`the view needs a value for '${block.block_id}'`);
      return [block.block_id, { [element.action_id]: { type: element.type, ...chosen(found, given) } }];
    }),
  );
}

function initialValue(element: FoundElement['element']): string | undefined {
  const value: unknown = element['initial_value'];
  return typeof value === 'string' ? value : undefined;
}
