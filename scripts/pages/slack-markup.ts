/** A piece of a text with one look. */
export interface Span {
  readonly text: string;
  readonly look: 'plain' | 'bold' | 'code' | 'link' | 'mention';
}

const TOKENS = /```\n?(?<block>[^`]*?)\n?```|`(?<code>[^`\n]+)`|\*(?<bold>[^*\n]+)\*|<(?<tag>[^<>]+)>/g;
const ENTITIES: Readonly<Record<string, string>> = { '&amp;': '&', '&lt;': '<', '&gt;': '>' };

/** Reads Slack's markup into lines of spans, as a client would show it: bold, code, links, mentions and dates. */
export function parseMarkup(markup: string): readonly (readonly Span[])[] {
  const spans: Span[] = [];
  let at = 0;
  for (const match of markup.matchAll(TOKENS)) {
    spans.push({ text: unescape(markup.slice(at, match.index)), look: 'plain' }, tokenOf(match.groups ?? {}));
    at = match.index + match[0].length;
  }
  spans.push({ text: unescape(markup.slice(at)), look: 'plain' });
  return linesOf(spans.filter(({ text }) => text !== ''));
}

function tokenOf({ block, code, bold, tag = '' }: Readonly<Record<string, string | undefined>>): Span {
  if (block !== undefined || code !== undefined) return { text: unescape(block ?? code ?? ''), look: 'code' };
  if (bold !== undefined) return { text: unescape(bold), look: 'bold' };
  const [address = '', label = ''] = tag.split('|');
  if (address.startsWith('!date')) return { text: unescape(label), look: 'plain' };
  if (address.startsWith('@')) return { text: '@alice', look: 'mention' };
  return { text: unescape(label === '' ? address : label), look: 'link' };
}

function linesOf(spans: readonly Span[]): readonly (readonly Span[])[] {
  const lines: Span[][] = [[]];
  for (const { text, look } of spans) {
    for (const [index, part] of text.split('\n').entries()) {
      if (index > 0) lines.push([]);
      if (part !== '') lines.at(-1)?.push({ text: part, look });
    }
  }
  return lines;
}

function unescape(text: string): string {
  return text.replaceAll(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity] ?? entity);
}
