import { createHash } from 'node:crypto';
import type { AuditEntry } from '../domain/state.ts';
import type { AuditCheck } from '../domain/store.ts';
import { auditEntries, type AuditRow } from './rows.ts';
import type { Row } from './column.ts';

/** The hash before the first entry. */
export const NO_HASH = '0'.repeat(64);

/** An entry as it is stored, not decoded: what somebody has changed need not make sense any more. */
export interface AuditLink {
  readonly position: number;
  /** `at`, `person`, `via`, `action`, `subject`, `details` as JSON text, `ok` as 0 or 1, `text`. */
  readonly cells: Row;
  readonly hash: string;
}

/**
 * The hash of an entry in lower-case hexadecimal: sha256 over the UTF-8 of the hash before it, a line feed, and the JSON array of the
 * entry's cells without blanks, as `JSON.stringify` writes it. `details` is in it as the text that is stored.
 */
function auditHash(previous: string, cells: Row): string {
  return createHash('sha256')
    .update(`${previous}\n${JSON.stringify(cells)}`)
    .digest('hex');
}

/** The rows of these entries, each chained to the one before it. */
export function chainEntries(previous: string, entries: readonly AuditEntry[]): readonly AuditRow[] {
  let hash = previous;
  return entries.map((entry) => {
    hash = auditHash(hash, auditEntries.encode(entry));
    return { ...entry, hash };
  });
}

/**
 * Checks the log from its first entry to the position `end`, the last that was ever given out. `readAfter` gives the next entries after
 * a position in their order, none at the end.
 */
export async function checkChain(
  end: number,
  readAfter: (position: number) => Promise<readonly AuditLink[]>,
): Promise<AuditCheck> {
  // The first is 1; what somebody has put before it is read, too.
  let after = Number.MIN_SAFE_INTEGER;
  let position = 0;
  let hash = NO_HASH;
  const found = (why?: string): AuditCheck => ({
    entries: position,
    head: position === 0 ? null : hash,
    ...(why === undefined ? {} : { broken: { position: position + 1, why } }),
  });
  for (;;) {
    const links = await readAfter(after);
    if (links.length === 0) return position < end ? found('it is missing') : found();
    for (const link of links) {
      if (link.position > position + 1) return found('it is missing');
      if (link.position <= position) return found(`there is an entry ${link.position} before it`);
      if (link.hash !== auditHash(hash, link.cells)) return found('its hash does not fit its content and the entry before it');
      position = link.position;
      after = position;
      hash = link.hash;
    }
  }
}
