import type { SlackDuplicate, SlackMessage } from './types.ts';

/** Posts that say the same nonce (`event_payload.nonce`), or the same text, blocks and files in the same channel and thread. */
export function findDuplicates(messages: readonly SlackMessage[]): readonly SlackDuplicate[] {
  const withNonce = messages.filter((message) => message.metadata?.event_payload['nonce'] !== undefined);
  return [
    ...groupsOf(withNonce, (message) => JSON.stringify(message.metadata?.event_payload['nonce']), 'nonce'),
    ...groupsOf(messages, contentKey, 'content'),
  ];
}

function groupsOf(
  messages: readonly SlackMessage[],
  keyOf: (message: SlackMessage) => string,
  because: SlackDuplicate['because'],
): readonly SlackDuplicate[] {
  return [...Map.groupBy(messages, keyOf).values()].flatMap((group) => (group.length > 1 ? [{ because, messages: group }] : []));
}

/** As it was posted, without the ids that Slack itself makes up. */
function contentKey({ channel, threadTs, versions, files }: SlackMessage): string {
  const posted = versions[0];
  const attached = files.map(({ name, text }) => [name, text]);
  const withoutIds = (key: string, value: unknown): unknown => (key === 'block_id' || key === 'action_id' ? undefined : value);
  return JSON.stringify([channel, threadTs, posted?.text, posted?.blocks, attached], withoutIds);
}
