// Slack's markup ("mrkdwn"). A `Mrkdwn` can only be made by the functions of this file, and they escape whatever is put
// into it: so no text of a label, an annotation or a person can ever become a mention, a link or a code fence.
// The three characters to escape: docs.slack.dev, "Formatting message text".

class Markup {
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  /** As it is sent. */
  get source(): string {
    return this.#source;
  }
}

/** Markup in which everything from outside is escaped. Its class is not exported: nobody else can make one. */
export type Mrkdwn = Markup;

/** How long a text may be that is put into markup, unless it is given to `shortened`. */
const MAX_TEXT = 300;
const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const LINE_BREAKS = /[\p{Zl}\p{Zp}\p{Cc}]+/gu;
// Bidirectional controls and other invisible characters could make a text look like another one. The two joiners spell words.
const INVISIBLE = /[^\P{Cf}\u200c\u200d]/gu;
const LINK_MAX = 1_000;
const QUOTE_LINES = 50;
const USER_ID = /^[UW][A-Z0-9]{2,20}$/;

/** Markup with texts, numbers or other markup in it: mrkdwn`*${label}* is down`. Texts are escaped, and cut after 300 characters. */
export function mrkdwn(parts: TemplateStringsArray, ...values: readonly (string | number | Mrkdwn)[]): Mrkdwn {
  const rest = values.map((value, index) => sourceOf(value) + (parts[index + 1] ?? ''));
  return new Markup((parts[0] ?? '') + rest.join(''));
}

/** A text of one line that takes at most so many characters. */
export function shortened(text: string, max: number): Mrkdwn {
  return new Markup(escape(oneLine(text.slice(0, max * 2)).trim(), max));
}

/** A text inside a code span. A backtick in it becomes one that ends nothing. */
export function code(text: string, max = 200): Mrkdwn {
  const inside = escape(withoutBackticks(oneLine(text.slice(0, max * 2)).trim()), max);
  return new Markup(inside === '' ? '–' : `\`${inside}\``);
}

/** A text of several lines as a block of code: of a longer one the beginning. */
export function codeBlock(text: string, max: number): Mrkdwn {
  const lines = withoutBackticks(manyLines(text));
  const whole = escape(lines.slice(0, max), max);
  return new Markup(`\`\`\`\n${whole === '' ? '–' : whole}\n\`\`\``);
}

/** A text of several lines as a quotation; of more than fifty lines the first ones. */
export function quote(text: string, max: number): Mrkdwn {
  const lines = escape(manyLines(text).slice(0, max), max).split('\n').slice(0, QUOTE_LINES);
  return new Markup(lines.map((line) => `>${line}`).join('\n'));
}

/** A link under a text; only the text where the address is none that a person should follow. */
export function link(address: string, text: string): Mrkdwn {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isSafe = url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  const href = url?.href.replaceAll('<', '%3C').replaceAll('>', '%3E').replaceAll('|', '%7C').replaceAll('&', '&amp;') ?? '';
  const label = escape(oneLine(text).replaceAll('|', '¦'), MAX_TEXT);
  return new Markup(isSafe && href.length <= LINK_MAX ? `<${href}|${label}>` : label);
}

/** Calls a person, by her id; what is no id is shown as it is. */
export function mention(userId: string): Mrkdwn {
  return USER_ID.test(userId) ? new Markup(`<@${userId}>`) : code(userId);
}

/** An instant (epoch ms) in the time zone of whoever reads it; in UTC where Slack cannot format it. */
export function instant(at: number): Mrkdwn {
  const date = new Date(at);
  if (Number.isNaN(date.getTime()) || at < 0) return new Markup('–');
  const fallback = `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return new Markup(`<!date^${Math.floor(at / 1_000)}^{date_short_pretty} {time_secs}|${fallback}>`);
}

/** Several pieces of markup as one. */
export function join(pieces: readonly Mrkdwn[], separator: ' ' | ', ' | ' · ' | '\n'): Mrkdwn {
  return new Markup(pieces.map((piece) => piece.source).join(separator));
}

/** As many of the lines as fit, whole, and how many did not. */
export function linesWithin(lines: readonly Mrkdwn[], max: number): { readonly text: Mrkdwn; readonly left: number } {
  let length = 0;
  const fitting = lines.findIndex((line) => {
    length += line.source.length + 1;
    return length - 1 > max;
  });
  const taken = fitting === -1 ? lines : lines.slice(0, fitting);
  return { text: join(taken, '\n'), left: lines.length - taken.length };
}

/** A text for places without markup, e.g. buttons: one line, without invisible characters, and with no angle bracket that could open a tag. */
export function plain(text: string, max: number): string {
  const line = oneLine(text.slice(0, max * 2))
    .replaceAll('<', '‹')

    .replaceAll('>', '›')
    .trim();
  return line.length <= max
    ? line
    : `${line
        .slice(0, max - 1)
        .toWellFormed()
        .replace(/\ufffd$/, '')}…`;
}

function sourceOf(value: string | number | Mrkdwn): string {
  return value instanceof Markup ? value.source : escape(oneLine(String(value).slice(0, MAX_TEXT * 2)), MAX_TEXT);
}

function oneLine(text: string): string {
  return text.toWellFormed().replaceAll(LINE_BREAKS, ' ').replaceAll(INVISIBLE, '');
}

function manyLines(text: string): string {
  const lines = text
    .toWellFormed()
    .replaceAll(/\r\n?/g, '\n')
    .split(/[\n\p{Zl}\p{Zp}]/u);
  return lines.map((line) => line.replaceAll('\t', '  ').replaceAll(LINE_BREAKS, ' ').replaceAll(INVISIBLE, '')).join('\n');
}

function withoutBackticks(text: string): string {
  return text.replaceAll('`', 'ˋ');
}

/** Escapes, and cuts between two characters what would be longer than `max` when it is escaped. */
function escape(text: string, max: number): string {
  const pieces = Array.from(text, (character) => ESCAPES[character] ?? character);
  const whole = pieces.join('');
  if (whole.length <= max) return whole;
  let cut = '';
  for (const piece of pieces) {
    if (cut.length + piece.length >= max) break;
    cut += piece;
  }
  return `${cut}…`;
}
