import type { SlackMessage } from './types.ts';

interface Piece {
  readonly text: string;
  /** Plain text shows angle brackets as they are. */
  readonly isFormatted: boolean;
}

/** What a message says, and what of it Slack turns into mentions and links. */
export function readableParts(text: string, blocks: readonly unknown[]): Pick<SlackMessage, 'allText' | 'live'> {
  const pieces = [{ text, isFormatted: true }, ...piecesIn(blocks)].filter((piece) => piece.text !== '');
  return {
    allText: pieces.map((piece) => piece.text).join('\n'),
    live: pieces.filter(({ isFormatted }) => isFormatted).flatMap((piece) => bracketed(piece.text)),
  };
}

function bracketed(text: string): readonly string[] {
  return [...text.matchAll(/<([^<>]+)>/g)].map(([, inner = '']) => inner);
}

function piecesIn(value: unknown): readonly Piece[] {
  if (Array.isArray(value)) return value.flatMap(piecesIn);
  if (typeof value !== 'object' || value === null) return [];
  const type: unknown = 'type' in value ? value.type : undefined;
  const isFormatted = type === 'mrkdwn' || type === 'markdown';
  return Object.entries(value).flatMap(([name, child]: [string, unknown]) => {
    if (typeof child !== 'string') return piecesIn(child);
    return name === 'text' ? [{ text: child, isFormatted }] : [];
  });
}
