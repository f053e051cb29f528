import type { Json, JsonObject } from '../../src/domain/json.ts';
import type { Block } from '../../src/notifiers/slack/blocks.ts';
import { parseMarkup, type Span } from './slack-markup.ts';
import { widthOf, wrap, type PlacedSpan } from './slack-text-layout.ts';

const WIDTH = 760;
const LEFT = 64;
const INNER = WIDTH - LEFT - 24;
const SANS = "Lato, 'Helvetica Neue', Arial, sans-serif";
const MONO = "Menlo, Consolas, 'DejaVu Sans Mono', monospace";
const COLOURS = { ink: '#1d1c1d', faint: '#616061', link: '#1264a3', code: '#c01343', line: '#dddddd', box: '#f8f8f8' };

interface Drawing {
  readonly svg: string;
  readonly height: number;
}

/** A message as Slack shows it, on a light background. The same blocks give the same picture. */
export function slackPicture(blocks: readonly Block[], title: string): string {
  const drawn: string[] = [];
  let y = 52;
  for (const block of blocks) {
    const { svg, height } = drawBlock(block, y);
    drawn.push(svg);
    y += height + 10;
  }
  const height = y + 10;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escape(title)}">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff" stroke="${COLOURS.line}"/>`,
    `<rect x="18" y="18" width="34" height="34" rx="6" fill="#1f6f54"/>`,
    `<text x="35" y="41" text-anchor="middle" font-family="${SANS}" font-size="18" font-weight="700" fill="#ffffff">r</text>`,
    `<text x="${LEFT}" y="34" textLength="60" lengthAdjust="spacingAndGlyphs" font-family="${SANS}" font-size="15" font-weight="700" fill="${COLOURS.ink}">remedyd</text>`,
    `<rect x="${LEFT + 66}" y="21" width="32" height="16" rx="3" fill="${COLOURS.line}"/>`,
    `<text x="${LEFT + 82}" y="33" text-anchor="middle" font-family="${SANS}" font-size="10" fill="${COLOURS.faint}">APP</text>`,
    ...drawn,
    '</svg>',
    '',
  ].join('\n');
}

function drawBlock(block: Block, y: number): Drawing {
  switch (block['type']) {
    case 'header':
      return drawLines([[{ text: textOf(block['text']), look: 'bold' }]], { x: LEFT, y, size: 18, width: INNER });
    case 'section':
      return Array.isArray(block['fields'])
        ? drawFields(block['fields'].map(textOf), y)
        : drawLines(parseMarkup(textOf(block['text'])), { x: LEFT, y, size: 15, width: INNER });
    case 'context': {
      const texts = Array.isArray(block['elements']) ? block['elements'].map(textOf) : [];
      const place = { x: LEFT, y, size: 12.5, width: INNER, colour: COLOURS.faint };
      return drawLines(parseMarkup(texts.join('   ')), place);
    }
    case 'actions':
      return drawControls(Array.isArray(block['elements']) ? block['elements'].filter(isObject) : [], y);
    default:
      throw new Error(`a picture of a block of type ${JSON.stringify(block['type'])} is not known`);
  }
}

interface TextPlace {
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly width: number;
  readonly colour?: string;
}

function drawLines(lines: readonly (readonly Span[])[], place: TextPlace): Drawing {
  const { x, y, size, width, colour = COLOURS.ink } = place;
  const step = Math.round(size * 1.5);
  const placed = lines.flatMap((line) => wrap(line, size, width));
  const svg = placed.map((line, index) =>
    line.map((span) => drawSpan(span, x, y + index * step + size, size, colour)).join('\n'),
  );
  return { svg: svg.join('\n'), height: placed.length * step };
}

function drawSpan(span: PlacedSpan, left: number, baseline: number, size: number, colour: string): string {
  const x = left + span.x;
  const isCode = span.look === 'code';
  const fill = isCode ? COLOURS.code : span.look === 'link' || span.look === 'mention' ? COLOURS.link : colour;
  const letters = isCode ? Math.round(size * 0.88 * 10) / 10 : size;
  const weight = span.look === 'bold' ? ' font-weight="700"' : '';
  const text = span.text.trimEnd();
  const shown = text === '' ? '' : widthOf({ ...span, text }, size);
  const box = isCode
    ? `<rect x="${x - 3}" y="${baseline - size}" width="${span.width + 6}" height="${Math.round(size * 1.3)}" rx="3" fill="${COLOURS.box}" stroke="${COLOURS.line}"/>\n`
    : '';
  const under =
    span.look === 'mention'
      ? `<rect x="${x - 1}" y="${baseline - size}" width="${span.width}" height="${Math.round(size * 1.3)}" rx="3" fill="#e8f5fa"/>\n`
      : '';
  if (text === '') return box;
  return `${box}${under}<text x="${x}" y="${baseline}" textLength="${shown}" lengthAdjust="spacingAndGlyphs" xml:space="preserve" font-family="${isCode ? MONO : SANS}" font-size="${letters}"${weight} fill="${fill}">${escape(text)}</text>`;
}

function drawFields(texts: readonly string[], y: number): Drawing {
  const column = INNER / 2;
  const drawn: string[] = [];
  let at = y;
  for (let index = 0; index < texts.length; index += 2) {
    const row = texts
      .slice(index, index + 2)
      .map((text, side) => drawLines(parseMarkup(text), { x: LEFT + side * column, y: at, size: 15, width: column - 16 }));
    drawn.push(...row.map(({ svg }) => svg));
    at += Math.max(...row.map(({ height }) => height)) + 8;
  }
  return { svg: drawn.join('\n'), height: at - y - 8 };
}

const BUTTON_COLOURS: Readonly<Record<string, readonly [fill: string, ink: string, edge: string]>> = {
  primary: ['#007a5a', '#ffffff', '#007a5a'],
  danger: ['#e01e5a', '#ffffff', '#e01e5a'],
  plain: ['#ffffff', COLOURS.ink, '#bbbbbb'],
};

function drawControls(elements: readonly JsonObject[], y: number): Drawing {
  const drawn: string[] = [];
  let x = LEFT;
  let top = y;
  for (const element of elements) {
    const isMenu = element['type'] === 'static_select';
    const label = textOf(isMenu ? element['placeholder'] : element['text']);
    const length = widthOf({ text: label, look: 'bold' }, 14);
    const width = Math.round(length + (isMenu ? 42 : 26));
    if (x + width > LEFT + INNER) {
      x = LEFT;
      top += 42;
    }
    const style = typeof element['style'] === 'string' ? element['style'] : 'plain';
    const [fill, ink, edge] = BUTTON_COLOURS[style] ?? ['#ffffff', COLOURS.ink, '#bbbbbb'];
    const weight = isMenu ? 400 : 700;
    drawn.push(
      `<rect x="${x}" y="${top}" width="${width}" height="34" rx="5" fill="${fill}" stroke="${edge}"/>`,
      `<text x="${x + 13}" y="${top + 22}" textLength="${length}" lengthAdjust="spacingAndGlyphs" font-family="${SANS}" font-size="14" font-weight="${weight}" fill="${ink}">${escape(label)}</text>`,
      ...(isMenu
        ? [`<path d="M${x + width - 22} ${top + 14}l5 5l5 -5" fill="none" stroke="${COLOURS.faint}" stroke-width="1.5"/>`]
        : []),
    );
    x += width + 10;
  }
  return { svg: drawn.join('\n'), height: top - y + 34 };
}

function textOf(element: Json | undefined): string {
  if (!isObject(element)) return '';
  const { text } = element;
  return typeof text === 'string' ? text : '';
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
