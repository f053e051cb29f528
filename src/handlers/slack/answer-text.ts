/** Slack shows more, but nobody reads it in an answer. */
const MAX_LENGTH = 3_000;
const CUT = ' …';

/** Control characters other than the line feed, and those that turn the direction of writing round. */
const UNWRITABLE = /[\u2028-\u202e\u2066-\u2069]|(?!\n)\p{Cc}/gu;
const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** A text as an answer in Slack: nothing in it is a mention or a link, and it is at most 3,000 characters long. */
export function answerText(text: string): string {
  const escaped = text
    .toWellFormed()
    .replace(UNWRITABLE, ' ')
    .replace(/[&<>]/g, (character) => ESCAPES[character] ?? '');
  if (escaped.length <= MAX_LENGTH) return escaped;
  // Neither a character nor the name of one is cut in two.
  const cut = escaped.slice(0, MAX_LENGTH - CUT.length).replace(/(?:[\ud800-\udbff]|&[a-z]{0,3})$/, '');
  return `${cut}${CUT}`;
}

/** The beginning of a longer text, on one line. */
export function shorten(text: string, length: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= length ? line : `${line.slice(0, length - 1).toWellFormed()}…`;
}
