/** The usual first guesses of people who know other template languages, and what to write instead. */
const HINTS: readonly { readonly guess: RegExp; readonly hint: string }[] = [
  { guess: /\{\{|\}\}/, hint: 'this is an expression already: write it without {{ }}' },
  { guess: /\$\{/, hint: 'expressions stand between {{ }}; ${NAME} is for environment variables in remedyd.yml' },
  { guess: /\$(?:labels|values?|annotations)\b/i, hint: 'names have no $: write labels.NAME' },
  {
    guess: /(?:^|[\s(])\.(?:Labels|Annotations|CommonLabels|GroupLabels|Status)\b/,
    hint: 'write labels.NAME or annotations.NAME',
  },
  { guess: /\|\s*default\b/, hint: 'there are no filters: write labels.?NAME.orValue("…")' },
  {
    guess: /[^|]\|\s*[a-z_]+\b/i,
    hint: 'there are no filters: call functions, as in text.lowerAscii(), list.join(", ") or size(list)',
  },
  { guess: /=~/, hint: 'write text.matches("…"), which is anchored at both ends, or text.find("…")' },
  { guess: /!~/, hint: 'write !text.matches("…")' },
  { guess: /\b(?:failure|success|always|cancelled)\s*\(/, hint: 'write run.failed, or steps.ID.state == "failed"' },
  { guess: /\.outputs\b/, hint: 'it is called output: steps.ID.output.NAME' },
  { guess: /\bsteps\.[a-z0-9_]+-[a-z]/i, hint: "a '-' subtracts; step ids are made of letters, digits and _" },
  { guess: /\s(?:and|AND)\s/, hint: "'and' is written &&" },
  { guess: /\s(?:or|OR)\s/, hint: "'or' is written ||" },
  { guess: /(?:^|[\s(])(?:not|NOT)\s/, hint: "'not' is written !" },
  { guess: /\bis\s+(?:not\s+)?(?:defined|none|null)\b/i, hint: 'write has(labels.NAME)' },
  { guess: /(?:^|[^=!<>])=(?!=|~)/, hint: 'equality is written ==' },
  { guess: /\.(?:length|len|count)\b/, hint: 'write size(list)' },
  { guess: /\.(?:lower|toLowerCase|toUpperCase|upper)\s*\(/, hint: 'write text.lowerAscii() or text.upperAscii()' },
  { guess: /\.includes\s*\(/, hint: 'write text.contains("…") or "…" in list' },
];

/** What to write instead, when a wrong expression looks like another language. */
export function hintFor(source: string): string | undefined {
  const bare = source.replace(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g, (text) => '"'.padEnd(text.length - 1, ' ') + '"');
  return HINTS.find(({ guess }) => guess.test(bare))?.hint;
}
