import { SCALAR_STYLE } from 'js-yaml';
import type { YamlScalarEvent } from './yaml-events.ts';

const SPACES = /[ \t]+/y;
const FOLD = /[ \t]*(?:\r\n|\r|\n)(?:[ \t]*(?:\r\n|\r|\n))*[ \t]*/y;
const ESCAPED_BREAK = /\\(?:\r\n|\r|\n)[ \t]*(?:(?:\r\n|\r|\n)[ \t]*)*/y;
const ESCAPE_LENGTHS: Readonly<Record<string, number>> = { x: 4, u: 6, U: 10 };

/** Where in the source the character `index` of a scalar's decoded text stands (its end for the index after the last one). */
export function offsetInScalar(source: string, scalar: YamlScalarEvent, decoded: string, index: number): number {
  const isBlock = scalar.style === SCALAR_STYLE.LITERAL_BLOCK || scalar.style === SCALAR_STYLE.FOLDED_BLOCK;
  const offset = isBlock ? offsetInBlock(source, scalar, decoded, index) : offsetInFlow(source, scalar, index);
  return Math.min(offset, scalar.valueEnd);
}

/** Plain and quoted scalars: walks the source and counts what each part of it decodes to. */
function offsetInFlow(source: string, scalar: YamlScalarEvent, index: number): number {
  let at = scalar.valueStart;
  let count = 0;
  while (at < scalar.valueEnd) {
    const part = readFlowPart(source, at, scalar.style);
    if (count + part.decoded > index) return part.verbatim ? at + index - count : at;
    count += part.decoded;
    at += part.length;
  }
  return at;
}

interface FlowPart {
  readonly length: number;
  /** The number of characters that it decodes to. */
  readonly decoded: number;
  /** Whether it decodes to itself. */
  readonly verbatim: boolean;
}

function readFlowPart(source: string, at: number, style: YamlScalarEvent['style']): FlowPart {
  const fold = matchAt(FOLD, source, at);
  if (fold !== undefined) {
    const breaks = countBreaks(fold);
    return { length: fold.length, decoded: breaks === 1 ? 1 : breaks - 1, verbatim: false };
  }
  const spaces = matchAt(SPACES, source, at);
  if (spaces !== undefined) return { length: spaces.length, decoded: spaces.length, verbatim: true };
  if (style === SCALAR_STYLE.SINGLE_QUOTED && source.startsWith("''", at)) return { length: 2, decoded: 1, verbatim: false };
  if (style === SCALAR_STYLE.DOUBLE_QUOTED && source[at] === '\\') return readEscape(source, at);
  return { length: 1, decoded: 1, verbatim: true };
}

function readEscape(source: string, at: number): FlowPart {
  const escapedBreak = matchAt(ESCAPED_BREAK, source, at);
  if (escapedBreak !== undefined) return { length: escapedBreak.length, decoded: countBreaks(escapedBreak) - 1, verbatim: false };
  const letter = source[at + 1] ?? '';
  const length = Object.hasOwn(ESCAPE_LENGTHS, letter) ? (ESCAPE_LENGTHS[letter] ?? 2) : 2;
  const code = length === 10 ? Number.parseInt(source.slice(at + 2, at + 10), 16) : 0;
  return { length, decoded: code > 0xffff ? 2 : 1, verbatim: false };
}

/** Block scalars: follows source and decoded text together, past the indentation and the line breaks that were folded away. */
function offsetInBlock(source: string, scalar: YamlScalarEvent, decoded: string, index: number): number {
  let at = skipIndentation(source, scalar.valueStart, scalar.indent);
  let count = 0;
  while (count < index && at < scalar.valueEnd) {
    const lineBreak = lineBreakLength(source, at);
    if (lineBreak === 0) {
      at += 1;
      count += 1;
    } else {
      const next = decoded[count];
      if (next === '\n' || next === ' ') count += 1;
      at = skipIndentation(source, at + lineBreak, scalar.indent);
    }
  }
  // A break that was folded away may stand before the character.
  while (decoded[index] !== undefined && !/[\n ]/.test(decoded[index]) && lineBreakLength(source, at) > 0) {
    at = skipIndentation(source, at + lineBreakLength(source, at), scalar.indent);
  }
  return at;
}

function skipIndentation(source: string, at: number, indent: number): number {
  let end = at;
  while (end < at + indent && source[end] === ' ') end += 1;
  return end;
}

function lineBreakLength(source: string, at: number): number {
  if (source.startsWith('\r\n', at)) return 2;
  return source[at] === '\n' || source[at] === '\r' ? 1 : 0;
}

function countBreaks(text: string): number {
  return text.match(/\r\n|\r|\n/g)?.length ?? 0;
}

function matchAt(expression: RegExp, source: string, at: number): string | undefined {
  expression.lastIndex = at;
  return expression.exec(source)?.[0];
}
