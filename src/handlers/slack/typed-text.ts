const CHARACTERS: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>' };

/**
 * What a person typed, from what Slack made of it (docs.slack.dev/messaging/formatting-message-text): `&amp;`, `&lt;`
 * and `&gt;` are characters again, and mentions and links are what they were written as. Control characters are spaces.
 */
export function typedText(text: string): string {
  return text
    .replace(/<([^<>]*)>|&(amp|lt|gt);/g, (_whole, reference: string | undefined, name: string | undefined) =>
      reference === undefined ? (CHARACTERS[name ?? ''] ?? '') : typedReference(reference),
    )
    .toWellFormed()
    .replace(/\p{Cc}/gu, ' ');
}

/** `@U1|x`, `#C1|x`, `!subteam^S1|@x`, `http://…|…`, each with or without its name. */
function typedReference(reference: string): string {
  const bar = reference.indexOf('|');
  const target = bar === -1 ? reference : reference.slice(0, bar);
  const name = bar === -1 ? '' : reference.slice(bar + 1);
  switch (target.charAt(0)) {
    case '@':
    case '#':
      return name === '' ? target : `${target.charAt(0)}${name.replace(/^[@#]/, '')}`;
    case '!':
      return name === '' ? `@${target.slice(1).replace(/^subteam\^/, '')}` : name;
    default:
      return name === '' ? target.replace(/^mailto:/, '') : name;
  }
}
