import type { PagerDutyAct, PagerDutyEvent } from './pagerduty-event.ts';

/** Below the longest note. */
const MAX_TEXT = 3_500;
const MAX_NAME = 100;
/** Control characters other than the end of a line, and those that turn the direction of writing. */
const UNREADABLE = /[^\P{Cc}\n]+|[\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu;

/** What somebody did in PagerDuty, to be read after her name. */
export function describeAct({ act, text }: Pick<PagerDutyEvent, 'act' | 'text'>): string {
  const detail = readable(text);
  switch (act) {
    case 'annotated':
      return detail === '' ? 'left an empty note in PagerDuty' : detail;
    case 'acknowledged':
    case 'resolved':
      return `${act} it in PagerDuty`;
    case 'reassigned':
    case 'delegated':
    case 'escalated':
      return `${act} it in PagerDuty${detail === '' ? '' : ` to ${detail}`}`;
    case 'priority_updated':
      return detail === '' ? 'took its priority in PagerDuty away' : `set its priority in PagerDuty to ${detail}`;
    case 'unacknowledged':
      return 'took the acknowledgement back in PagerDuty; here it stays as it is';
    case 'reopened':
      return 'reopened it in PagerDuty; here it stays as it is';
  }
}

/** The same of somebody who is not known here, with what makes her known. */
export function describeActOfStranger({ act, text, agent }: Pick<PagerDutyEvent, 'act' | 'text' | 'agent'>): string {
  const name = readable(agent.name).slice(0, MAX_NAME).toWellFormed();
  const what = `${name} (${agent.id})${act === 'annotated' ? ':' : ''} ${describeAct({ act, text })}`;
  if (!isCommand(act)) return what;
  return `${what}; that does nothing here, because nobody has this id: add people: { NAME: { pagerduty: ${agent.id} } } to remedyd.yml`;
}

/** Whether it changes the incident here; everything else is only told. */
export function isCommand(act: PagerDutyAct): act is 'acknowledged' | 'resolved' {
  return act === 'acknowledged' || act === 'resolved';
}

function readable(text: string): string {
  return text.replace(UNREADABLE, ' ').trim().slice(0, MAX_TEXT).toWellFormed();
}
