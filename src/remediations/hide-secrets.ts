import type { Secret } from '../domain/secret.ts';

// Configured as a secret, `5432` or `true` hides nothing worth hiding, and would garble every other use of it.
const SHORTEST_HIDDEN = 6;

/** `text` without the secrets that a target may have echoed back to us. */
export function hideSecrets(text: string, secrets: Iterable<Secret>): string {
  let hidden = text;
  for (const secret of secrets) {
    const value = secret.reveal();
    if (value.length >= SHORTEST_HIDDEN) hidden = hidden.replaceAll(value, String(secret));
  }
  return hidden;
}
