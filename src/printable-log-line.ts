/** Control characters that JSON leaves as they are, and those that turn the direction of writing. */
const RAW = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;
/** Escapes of JSON, one by one: only so is the second backslash of `\\b` no beginning of one. */
const ESCAPES = /\\(?:u00[01][0-9a-f]|.)/g;
const ESCAPED_CONTROL = /^\\(?:[bfr]|u00[01][0-9a-f])$/;

/** A line of JSON whose texts a terminal shows and does not obey. */
export function printableJson(line: string): string {
  return line.replace(RAW, escapeOf);
}

/** The same for a line whose texts are going to be printed decoded: line feeds and tabs alone stay what they are. */
export function printableWhenDecoded(line: string): string {
  return line
    .replace(ESCAPES, (escape) => (ESCAPED_CONTROL.test(escape) ? `\\${escape}` : escape))
    .replace(RAW, (character) => `\\${escapeOf(character)}`);
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
