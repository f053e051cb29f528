/** A word of a command. */
export interface Word {
  readonly text: string;
  /** Whether it begins with a quote: then an equals sign in it is a character like any other. */
  readonly isQuoted: boolean;
}

/** Phones write these for the straight ones. */
const QUOTES = /["\u201c\u201d\u201e]/;

/** The words of a command. Inside `"…"` a space belongs to the word, and `\"` is a quote. `undefined` when a quote stays open. */
export function splitWords(text: string): readonly Word[] | undefined {
  const words: Word[] = [];
  let word: Word | undefined;
  let isOpen = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    const next = text.charAt(at + 1);
    if (isOpen && character === '\\' && (next === '\\' || QUOTES.test(next))) {
      word = append(word, next);
      at += 1;
    } else if (QUOTES.test(character)) {
      isOpen = !isOpen;
      word ??= { text: '', isQuoted: true };
    } else if (!isOpen && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = append(word, character);
    }
  }
  if (isOpen) return undefined;
  return word === undefined ? words : [...words, word];
}

function append(word: Word | undefined, character: string): Word {
  return { text: `${word?.text ?? ''}${character}`, isQuoted: word?.isQuoted ?? false };
}

/** `name=value` words, and the others. */
export function splitAssignments(words: readonly Word[]): {
  readonly texts: readonly string[];
  readonly values: Readonly<Record<string, string>>;
} {
  const texts: string[] = [];
  const values = Object.create(null) as Record<string, string>;
  for (const { text, isQuoted } of words) {
    const match = isQuoted ? null : /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(text);
    const [, name, value] = match ?? [];
    if (name === undefined || value === undefined) texts.push(text);
    else values[name] = value;
  }
  return { texts, values };
}
