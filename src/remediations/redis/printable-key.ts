const LONGEST_NAME = 200;

/** A key's name for people, at most 200 characters: bytes that are no text, and control characters, as `\xNN`. */
export function printableKey(key: Buffer): string {
  const start = key.subarray(0, LONGEST_NAME * 4);
  const text = start.toString();
  const isText = !text.slice(0, LONGEST_NAME).includes('\uFFFD');
  const shown = (isText ? text : start.toString('latin1')).replaceAll(isText ? /\p{Cc}/gu : /[^ -~]/g, escape);
  return shown.length > LONGEST_NAME ? `${shown.slice(0, LONGEST_NAME).toWellFormed()}…` : shown;
}

function escape(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
