import type { ExpressionProblem } from './expression-problem.ts';

/** A part of a template: text, or the source of an expression and where it starts. */
export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'expression'; readonly source: string; readonly start: number };

/** The parts of a text with `{{ }}`. Knows strings and braces, so that an expression may hold `}}`. */
export function scanTemplate(template: string): {
  readonly parts: readonly TemplatePart[];
  readonly problems: readonly ExpressionProblem[];
} {
  const parts: TemplatePart[] = [];
  const problems: ExpressionProblem[] = [];
  let from = 0;
  while (from < template.length) {
    const open = template.indexOf('{{', from);
    const text = template.slice(from, open === -1 ? template.length : open);
    if (text !== '') parts.push({ kind: 'text', text });
    if (open === -1) break;
    const close = findClose(template, open + 2);
    if (close === -1) {
      problems.push({ message: "'{{' without its '}}'", start: open, end: template.length });
      break;
    }
    const inside = template.slice(open + 2, close);
    const source = inside.trim();
    if (source === '') problems.push({ message: "'{{ }}' is empty", start: open, end: close + 2 });
    else parts.push({ kind: 'expression', source, start: open + 2 + inside.indexOf(source) });
    from = close + 2;
  }
  return { parts, problems };
}

/** Where the `}}` begins that closes an expression; -1 when there is none. */
function findClose(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const character = text[at];
    if (character === '"' || character === "'") {
      at = endOfString(text, at);
    } else if (character === '{') {
      depth++;
    } else if (character === '}') {
      if (depth === 0) return text[at + 1] === '}' ? at : -1;
      depth--;
    }
  }
  return -1;
}

/** The last character of the string that begins at `from`, quoted once or three times. */
function endOfString(text: string, from: number): number {
  const quote = text[from] ?? '';
  const mark = text.startsWith(quote.repeat(3), from) ? quote.repeat(3) : quote;
  for (let at = from + mark.length; at < text.length; at++) {
    // The library's lexer steps over the character after a backslash in raw strings too.
    if (text[at] === '\\') at++;
    else if (text.startsWith(mark, at)) return at + mark.length - 1;
  }
  return text.length;
}
