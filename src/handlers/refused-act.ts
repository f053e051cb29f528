import type { Actor, Command } from '../pipeline/event.ts';

const MAX_SUBJECT = 500;

/** What a person tried and may not, for the audit log; who hears of it is told `text`. */
export function refusedAct(actor: Actor, action: string, subject: string, text: string): Command {
  return {
    kind: 'recorded',
    action,
    subject: subject.slice(0, MAX_SUBJECT).toWellFormed(),
    details: {},
    answer: { ok: false, code: 'forbidden', text },
    actor,
  };
}
