import type { Secret } from '../domain/secret.ts';

/** `text` without the secrets that a target may have echoed back to us. */
export function hideSecrets(text: string, secrets: Iterable<Secret>): string {
  let hidden = text;
  for (const secret of secrets) {
    const value = secret.reveal();
    if (value !== '') hidden = hidden.replaceAll(value, String(secret));
  }
  return hidden;
}
