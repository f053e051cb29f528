import { Secret } from '../../src/domain/secret.ts';
import { startSlack } from '../support/servers/slack/start-slack.ts';
import type { SlackClick, SlackMessage, SlackServer } from '../support/servers/slack/types.ts';
import type { DaemonAnswer } from '../support/servers/slack-and-pagerduty/post-to-daemon.ts';
import { startEdge, type Edge, type EdgeOptions, type SlackEdgeOptions } from './edge.ts';

export const ALICE = 'U0ALICE01';
export const BOB = 'U0BOB0001';
export const ADMIN = 'U0ADMIN01';
export const VIEWER = 'U0VIEWER1';
export const STRANGER = 'U0CAROL01';

/** A Slack, and a daemon that hears it. */
export interface SlackWorkspace {
  readonly slack: SlackServer;
  readonly edge: Edge;
  readonly interactions: string;
  /** What the daemon answers to a command. */
  readonly command: (user: string, text: string) => Promise<string>;
  /** Clicks a button that carries this value; resolves when the answer is shown to the person. */
  readonly click: (
    user: string,
    action: string,
    value: string,
    blockId?: string,
  ) => Promise<{ readonly answer: DaemonAnswer; readonly shown: string }>;
  /** A message with this button, or a menu of durations, and nothing else; what to click in it. */
  readonly target: (user: string, action: string, value: string, blockId?: string) => Promise<SlackClick>;
  readonly stop: () => Promise<void>;
}

export async function startSlackWorkspace(
  options: Partial<Omit<SlackEdgeOptions, 'settings'>> = {},
  edgeOptions: Omit<EdgeOptions, 'slack'> = {},
): Promise<SlackWorkspace> {
  const slack = await startSlack({ userGroups: { S0ONCALL1: [ALICE, 'U0GROUP01'] } });
  const edge = await startEdge({
    ...edgeOptions,
    slack: {
      settings: { botToken: new Secret(slack.botToken), signingSecret: new Secret(slack.signingSecret), apiUrl: slack.apiUrl },
      teamId: slack.teamId,
      ...options,
    },
  });
  const interactions = `${edge.url}/slack/interactions`;
  const target = async (user: string, action: string, value: string, blockId = 'block'): Promise<SlackClick> => {
    const actionId = `remedyd:${action}`;
    const message = await postControl(slack, blockId, action === 'silence' ? menuOf(actionId, value) : buttonOf(actionId, value));
    return { url: interactions, user, channel: '#ops', message, actionId, ...(action === 'silence' ? { selected: value } : {}) };
  };
  return {
    slack,
    edge,
    interactions,
    target,
    command: async (user, text) => textOf(await slack.command({ url: `${edge.url}/slack/commands`, user, text })),
    click: async (user, action, value, blockId) => {
      const before = slack.responses.length;
      const answer = await slack.click(await target(user, action, value, blockId));
      await slack.until((server) => server.responses.length > before);
      return { answer, shown: String(slack.responses.at(-1)?.body['text']) };
    },
    stop: async () => {
      await edge.stop();
      await slack.stop();
    },
  };
}

/** The text of an answer; it is for one person and replaces nothing. */
export function textOf({ status, body }: DaemonAnswer): string {
  const answer: unknown = JSON.parse(body);
  expect({ status, answer }).toEqual({
    status: 200,
    answer: {
      response_type: 'ephemeral',
      replace_original: false,
      text: expect.any(String),
      // Addresses and channels in it stay text.
      blocks: [{ type: 'section', text: { type: 'mrkdwn', text: expect.stringMatching(/^[^]{1,3000}$/), verbatim: true } }],
    },
  });
  return typeof answer === 'object' && answer !== null && 'text' in answer ? String(answer.text) : '';
}

const plain = (text: string): object => ({ type: 'plain_text', text });

function buttonOf(actionId: string, value: string): object {
  return { type: 'button', action_id: actionId, text: plain('Press'), value };
}

function menuOf(actionId: string, value: string): object {
  return {
    type: 'static_select',
    action_id: actionId,
    placeholder: plain('Choose'),
    options: [{ text: plain('Choose'), value }],
  };
}

async function postControl(slack: SlackServer, blockId: string, element: object): Promise<SlackMessage> {
  const response = await fetch(`${slack.apiUrl}chat.postMessage`, {
    method: 'POST',
    headers: { authorization: `Bearer ${slack.botToken}`, 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify({
      channel: slack.channelId('#ops'),
      text: 'An incident',
      blocks: [{ type: 'actions', block_id: blockId, elements: [element] }],
    }),
  });
  const posted: unknown = await response.json();
  const message = slack.messages('#ops').at(-1);
  if (message === undefined) throw new Error(`no message was posted: ${JSON.stringify(posted)}`);
  return message;
}
