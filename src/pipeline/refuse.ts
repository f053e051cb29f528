import type { CommandAnswer, CommandErrorCode } from './event.ts';

/** What a person is told whose command is not done. */
export type Refusal = Extract<CommandAnswer, { ok: false }>;

/** Refuses a command: the text says in one line why, and what to do. */
export function refuse(code: CommandErrorCode, text: string): Refusal {
  return { ok: false, code, text };
}
