import type { Command } from 'commander';

/** Why a line such as `remedyd incident show ID` is not a command that exists; `undefined` when it is. */
export function faultOfCommand(program: Command, line: string, options: { readonly complete: boolean }): string | undefined {
  const words = splitWords(line).slice(1);
  let command = program;
  while (words[0] !== undefined) {
    const inner = command.commands.find((candidate) => candidate.name() === words[0]);
    if (inner === undefined) break;
    command = inner;
    words.shift();
  }
  if (command.commands.length > 0 && words[0]?.startsWith('-') === false) return `there is no command ${words[0]}`;
  const known = [...command.options, ...program.options];
  let given = 0;
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (!word.startsWith('-')) {
      given += 1;
      continue;
    }
    const option = known.find(({ long, short }) => word === long || word === short);
    if (option === undefined && word !== '--help') return `${command.name()} has no option ${word}`;
    if (option?.required === true && words.shift() === undefined) return `${word} needs a value`;
  }
  const arguments_ = command.registeredArguments;
  if (given > arguments_.length && arguments_.at(-1)?.variadic !== true)
    return `${command.name()} takes ${arguments_.length} arguments`;
  const least = arguments_.filter((argument) => argument.required).length;
  return options.complete && given < least ? `${command.name()} needs ${least} arguments` : undefined;
}

/** The words of a shell line, up to a comment, a redirection or the next command. */
function splitWords(line: string): string[] {
  const words: string[] = [];
  for (const [word] of line.matchAll(/"[^"]*"|'[^']*'|\S+/g)) {
    if (/^(?:#|[|&;]|\d?>)/.test(word)) break;
    words.push(word.replaceAll(/^["']|["';,]$/g, ''));
  }
  return words;
}
