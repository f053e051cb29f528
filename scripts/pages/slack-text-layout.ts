import type { Span } from './slack-markup.ts';

/** A piece of a line, placed. */
export interface PlacedSpan extends Span {
  readonly x: number;
  readonly width: number;
}

/** Wide enough for what a browser would draw: fonts differ, so that the pictures say how long each piece is. */
export function widthOf({ text, look }: Span, size: number): number {
  const isCode = look === 'code';
  const units = Array.from(text, (character) => (isCode ? 0.6 : unitsOf(character))).reduce((sum, unit) => sum + unit, 0);
  return Math.round(units * size * (look === 'bold' ? 1.07 : isCode ? 0.88 : 1) * 10) / 10;
}

/** Breaks a line of spans between words where it would be too long. */
export function wrap(spans: readonly Span[], size: number, max: number): readonly (readonly PlacedSpan[])[] {
  const lines: PlacedSpan[][] = [[]];
  let x = 0;
  for (const word of spans.flatMap(wordsOf)) {
    // Code has an edge on both sides.
    const edge = word.look === 'code' ? 4 : 0;
    const width = widthOf(word, size) + 2 * edge;
    const isBlank = word.text.trim() === '';
    if (x + width > max && x > 0) {
      lines.push([]);
      x = 0;
      if (isBlank) continue;
    }
    lines.at(-1)?.push({ ...word, x: Math.round((x + edge) * 10) / 10, width: width - 2 * edge });
    x += width;
  }
  return lines.map(mergeNeighbours);
}

/** Code stays in one piece; other texts break at spaces. */
function wordsOf(span: Span): readonly Span[] {
  if (span.look === 'code') return [span];
  return span.text.split(/(?<= )/).map((text) => ({ ...span, text }));
}

function mergeNeighbours(line: readonly PlacedSpan[]): readonly PlacedSpan[] {
  const merged: PlacedSpan[] = [];
  for (const span of line) {
    const last = merged.at(-1);
    if (last?.look === span.look && span.look !== 'code') {
      merged[merged.length - 1] = {
        ...last,
        text: last.text + span.text,
        width: Math.round((last.width + span.width) * 10) / 10,
      };
    } else merged.push(span);
  }
  return merged;
}

function unitsOf(character: string): number {
  if (/[ijl.,:;'|!()[\]ft· ]/.test(character)) return 0.26;
  if (/[mwMW…]/.test(character)) return 0.8;
  if (/[A-Z]/.test(character)) return 0.64;
  if (/[crs-]/.test(character)) return 0.42;
  return 0.54;
}
