/** Control characters, and those that turn the direction of writing. */
const UNREADABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu;

/** At most so many characters (code points), the last one a `…` where it was cut. */
export function shortened(text: string, max: number): string {
  const wellFormed = text.toWellFormed();
  if (wellFormed.length <= max) return wellFormed;
  // A character has at most two units.
  const characters = Array.from(wellFormed.slice(0, 2 * max + 2));
  return characters.length <= max ? wellFormed : `${characters.slice(0, max - 1).join('')}…`;
}

/** The same as one readable line. */
export function shortLine(text: string, max: number): string {
  return shortened(text.replace(UNREADABLE, ' ').trim(), max);
}
