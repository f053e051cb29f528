import { API_ROLES } from '../../domain/settings.ts';
import type { Actor } from '../../pipeline/event.ts';
import { refusedAct } from '../refused-act.ts';
import { shorten } from './answer-text.ts';
import { applyInTime } from './in-time.ts';
import type { SlackInDeps } from './slack-in-deps.ts';
import { SLASH_COMMANDS, type SlashCommand } from './slash-commands.ts';
import { splitWords } from './split-words.ts';
import { typedText } from './typed-text.ts';

/** Does what was typed after `/remedyd`, and gives the answer for who typed it. */
export async function answerCommand(deps: SlackInDeps, text: string, actor: Actor, signal: AbortSignal): Promise<string> {
  const words = splitWords(typedText(text));
  if (words === undefined) return 'a quote is not closed: write "…" around a text with spaces';
  const [first, ...rest] = words;
  const name = first?.text.toLowerCase() ?? 'help';
  if (name === 'help') return help();
  const command = SLASH_COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) return unknownCommand(name);
  if (API_ROLES.indexOf(actor.role) < API_ROLES.indexOf(command.role)) {
    const refusal = `${name} needs the role ${command.role}; ${actor.person} has ${actor.role}`;
    const subject = rest.map((word) => word.text).join(' ');
    return (await applyInTime(deps, refusedAct(actor, name, subject, refusal), signal)).text;
  }
  return (await command.run({ deps, words: rest, actor, signal })) ?? `usage: ${usageOf(command)}`;
}

function usageOf({ name, usage }: SlashCommand): string {
  return `/remedyd ${name}${usage === '' ? '' : ` ${usage}`}`;
}

function help(): string {
  return SLASH_COMMANDS.map((command) => `${usageOf(command)}: ${command.does}`).join('\n');
}

/** Those with the same first letter are what was probably meant. */
function unknownCommand(name: string): string {
  const names = SLASH_COMMANDS.map((command) => command.name);
  const near = names.filter((candidate) => candidate.startsWith(name.charAt(0)));
  const guess = near.length === 0 ? `known are: ${names.join(', ')}` : `did you mean ${near.join(' or ')}?`;
  return `there is no command ${shorten(name, 40)}; ${guess} /remedyd help explains them`;
}
