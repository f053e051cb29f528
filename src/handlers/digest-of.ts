import { hash } from 'node:crypto';

/** The SHA-256 of a secret, so that secrets of any length are compared in equal time. */
export function digestOf(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}
