const WIDTH = 10;

/** One line of the story: when, who, what. */
export function narrate(print: (text: string) => void, who: string, text: string, at = new Date()): void {
  const time = at.toISOString().slice(11, 21);
  print(`   ${time}  ${who.padEnd(WIDTH)}  ${text}`);
}
