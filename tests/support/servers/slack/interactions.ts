import { randomBytes } from 'node:crypto';
import { checkContent } from './check-content.ts';
import type { SlackArguments } from './read-arguments.ts';
import { SlackRefusal } from './slack-refusal.ts';
import type { SlackResponse } from './types.ts';
import type { Workspace } from './workspace.ts';

// docs.slack.dev/interactivity/handling-user-interaction
const TRIGGER_LIFE_MS = 3_000;
const RESPONSE_LIFE_MS = 30 * 60_000;
const RESPONSES = 5;

/** Where a response URL belongs. */
interface Origin {
  readonly user: string;
  readonly channel: string;
  /** The message that was clicked. */
  readonly messageTs?: string;
}

interface ResponseUrl extends Origin {
  readonly at: number;
  uses: number;
}

/** The trigger ids and response URLs that come with each interaction. */
export interface Interactions {
  readonly responses: readonly SlackResponse[];
  readonly createTrigger: (user: string) => string;
  /** The user it was made for; refuses one that is unknown, older than 3 s or used. */
  readonly useTrigger: (id: unknown) => string;
  readonly createResponseUrl: (kind: 'actions' | 'commands', origin: Origin) => string;
  /** Takes a post to a response URL: at most 5 within 30 minutes. */
  readonly respond: (path: string, body: SlackArguments) => void;
  readonly expireResponseUrls: () => void;
}

export function createInteractions(workspace: Workspace, serverUrl: () => string): Interactions {
  const triggers = new Map<string, { readonly user: string; readonly at: number; isUsed: boolean }>();
  const responseUrls = new Map<string, ResponseUrl>();
  const responses: SlackResponse[] = [];

  return {
    responses,
    createTrigger: (user) => {
      const id = `${String(Date.now())}.${randomBytes(6).readUIntBE(0, 6).toString()}.${randomBytes(16).toString('hex')}`;
      triggers.set(id, { user, at: performance.now(), isUsed: false });
      return id;
    },
    useTrigger: (id) => {
      const trigger = typeof id === 'string' ? triggers.get(id) : undefined;
      if (trigger === undefined) throw new SlackRefusal('invalid_trigger_id');
      if (trigger.isUsed) throw new SlackRefusal('exchanged_trigger_id');
      if (performance.now() - trigger.at > TRIGGER_LIFE_MS) throw new SlackRefusal('expired_trigger_id');
      trigger.isUsed = true;
      return trigger.user;
    },
    createResponseUrl: (kind, origin) => {
      const path = `/${kind}/${workspace.teamId}/${String(responseUrls.size + 1)}/${randomBytes(12).toString('hex')}`;
      responseUrls.set(path, { ...origin, at: performance.now(), uses: 0 });
      return `${serverUrl()}${path}`;
    },
    respond: (path, body) => {
      const origin = responseUrls.get(path);
      if (origin === undefined || performance.now() - origin.at > RESPONSE_LIFE_MS) throw new SlackRefusal('expired_url');
      if (origin.uses >= RESPONSES) throw new SlackRefusal('used_url');
      applyResponse(workspace, origin, body);
      origin.uses += 1;
      responses.push({ url: `${serverUrl()}${path}`, user: origin.user, body, at: Date.now() });
    },
    expireResponseUrls: () => {
      responseUrls.clear();
    },
  };
}

/** Shown to the one who acted, unless it says otherwise. */
function applyResponse(workspace: Workspace, origin: Origin, body: SlackArguments): void {
  const channel = workspace.channelById(origin.channel);
  const original = channel.messages.find(({ ts }) => ts === origin.messageTs);
  if (body['delete_original'] === true && original !== undefined) {
    channel.messages.splice(channel.messages.indexOf(original), 1);
    return;
  }
  const content = checkContent(body);
  if (body['replace_original'] === true && original !== undefined) {
    workspace.update(original, content);
  } else if (body['response_type'] === 'in_channel') {
    workspace.post(channel, { ...content, user: workspace.botUserId });
  } else {
    workspace.ephemerals.push({ channel: channel.id, user: origin.user, ...content });
  }
}
