import { StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';

/** A pattern for the names of files, as shells read it: `*` stands for any characters, `?` for one, `\` makes the next one literal. */
export interface Glob {
  /** As in shells, a name that begins with a dot is only matched by a pattern that begins with one. */
  matches(name: string): boolean;
}

type Token = { readonly kind: 'literal'; readonly character: string } | { readonly kind: 'one' } | { readonly kind: 'many' };

/** Refuses (`invalid_value`) what would match in other folders or means more in shells: slashes and unescaped brackets. */
export function parseGlob(text: string): Glob {
  const tokens = scan(text);
  const startsWithDot = tokens[0]?.kind === 'literal' && tokens[0].character === '.';
  return { matches: (name) => (startsWithDot || !name.startsWith('.')) && matchesTokens(tokens, Array.from(name)) };
}

function scan(text: string): readonly Token[] {
  const refuse = (why: string): never => {
    throw new StepError('invalid_value', `match "${quoteLine(text)}" ${why}`, { happened: 'nothing' });
  };
  const tokens: Token[] = [];
  const characters = Array.from(text);
  for (let index = 0; index < characters.length; index += 1) {
    let character = characters[index] ?? '';
    if (character === '*') tokens.push({ kind: 'many' });
    else if (character === '?') tokens.push({ kind: 'one' });
    else {
      if (character === '[' || character === ']') refuse('holds a bracket: only * and ? are special; write \\[ for a bracket');
      if (character === '\\') {
        index += 1;
        character = characters[index] ?? refuse('ends with a backslash');
      }
      if (character === '/' || character === '\0') refuse('holds a slash: it is a pattern for names, not for paths');
      tokens.push({ kind: 'literal', character });
    }
  }
  return tokens;
}

/** Goes back to the latest `*` only, so that the time is at most the product of both lengths. */
function matchesTokens(tokens: readonly Token[], name: readonly string[]): boolean {
  let at = 0;
  let position = 0;
  let star: { readonly at: number; readonly position: number } | undefined;
  while (position < name.length) {
    const token = tokens[at];
    if (token?.kind === 'many') {
      star = { at, position };
      at += 1;
    } else if (token?.kind === 'one' || (token?.kind === 'literal' && token.character === name[position])) {
      at += 1;
      position += 1;
    } else if (star !== undefined) {
      star = { at: star.at, position: star.position + 1 };
      at = star.at + 1;
      position = star.position;
    } else return false;
  }
  return tokens.slice(at).every(({ kind }) => kind === 'many');
}
