import { StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';

/** A name of an image (`registry:5000/team/web:1.4`, a digest, an id) that means nothing else in a path; else `invalid_value`. */
export function parseImageReference(text: string): string {
  const isPlain = /^[a-zA-Z0-9][a-zA-Z0-9_.:/@-]{0,254}$/.test(text) && !/(?:^|\/)\.{0,2}(?:\/|$)/.test(text);
  if (isPlain) return text;
  throw new StepError('invalid_value', `image "${quoteLine(text)}" is not the name of an image`, { happened: 'nothing' });
}

/** The same repository with the tag `previous`; `missing_value` for an image that is only known by its id. */
export function previousOf(image: string): string {
  const [name = ''] = image.split('@');
  if (name === '' || /^(?:sha256:)?[0-9a-f]{64}$/.test(name)) {
    const message = `the container was made from an image without a name (${quoteLine(image)}): give \`image\``;
    throw new StepError('missing_value', message, { happened: 'nothing' });
  }
  // A colon before the last slash belongs to the port of a registry.
  return `${name.replace(/:[^:/]*$/, '')}:previous`;
}
