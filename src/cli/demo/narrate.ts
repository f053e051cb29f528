const WIDTH = 10;

/** A part of the story: when, who, what. Further lines stand below the first one. */
export function narrate(print: (text: string) => void, who: string, text: string, at = new Date()): void {
  const lead = `   ${at.toISOString().slice(11, 21)}  ${who.padEnd(WIDTH)}  `;
  print(lead + text.replaceAll('\n', `\n${' '.repeat(lead.length)}`));
}
