import { bundleMessage } from '../../src/notifiers/slack/bundle-message.ts';
import { incidentMessage } from '../../src/notifiers/slack/incident-message.ts';
import { slackPicture } from './slack-picture.ts';
import { SLACK_SAMPLES } from './slack-samples.ts';

/** Pictures of messages, made from the very blocks that are sent. */
export function slackPictures(): readonly { readonly path: string; readonly content: string }[] {
  return SLACK_SAMPLES.map(({ name, caption, news }) => {
    const { blocks } = news.kind === 'bundle' ? bundleMessage(news) : incidentMessage(news, 'message');
    return { path: `docs/images/slack-${name}.svg`, content: slackPicture(blocks, caption) };
  });
}
