import { z } from 'zod';

const LONGEST_QUERY_BYTES = 1_024;
const CUT = '…';

/** SQL for as much of a statement's text as `queryText` needs: one character more than is kept shows that it was longer. */
export function selectQueryText(column: string): string {
  return `left(${column}, ${LONGEST_QUERY_BYTES + 1})`;
}

/** A statement as it is shown: as the client wrote it, cut to 1 KiB; empty where the server does not tell. */
export const queryText = z
  .string()
  .nullable()
  .transform((text) => cutQuery(text ?? ''));

function cutQuery(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= LONGEST_QUERY_BYTES) return text;
  // Streaming, the decoder keeps back a character that the cut went through.
  const kept = new TextDecoder().decode(bytes.subarray(0, LONGEST_QUERY_BYTES - Buffer.byteLength(CUT)), { stream: true });
  return `${kept}${CUT}`;
}

/** What to know about the texts, for the notes of remediations that show them. */
export const QUERY_TEXT_NOTE = [
  '',
  'A `query` is what the client sent, cut to 1 KiB. It may hold values of the application, secrets too, and goes where outputs go:',
  'into the journal, to people, to the channels of the rule.',
] as const;
