const LONGEST_LINE = 200;

/** What a target said, as one short line that fits into an error message: no control characters, at most 200 characters. */
export function quoteLine(text: string): string {
  // Enough for the line, so that a huge answer is not searched through.
  const line = text
    .slice(0, LONGEST_LINE * 10)
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
  return line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE).toWellFormed()}…` : line;
}
