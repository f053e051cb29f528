import type { Incident } from '../domain/state.ts';
import type { DecisionContext } from './decision-context.ts';
import { promiseUpdate } from './escalation.ts';
import type { CommandAnswer, EventOf } from './event.ts';
import { askForPlace, describeTargets } from './notify-places.ts';
import { refuse } from './refuse.ts';
import { sendNextRung, tell } from './story.ts';
import type { World } from './world.ts';

const MAX_NOTE_LENGTH = 4_000;
const MAX_FIELDS = 20;
const MAX_FIELD_NAME_LENGTH = 100;
const MAX_FIELD_VALUE_LENGTH = 1_000;

function isAnswer(found: Incident | CommandAnswer): found is CommandAnswer {
  return 'ok' in found;
}

function find(world: World, incidentId: string): Incident | CommandAnswer {
  return world.incident(incidentId) ?? refuse('not_found', `there is no incident ${incidentId}`);
}

/** A person asks for more people: the next rung is sent, also when somebody has acknowledged the incident. */
export function escalateByHand(world: World, event: EventOf<'escalate'>, context: DecisionContext): CommandAnswer {
  const incident = find(world, event.incidentId);
  if (isAnswer(incident)) return incident;
  if (incident.status === 'resolved') return refuse('conflict', `${incident.id} is resolved already`);
  const { person } = event.actor;
  const why = event.reason === undefined || event.reason.trim() === '' ? '' : `: ${event.reason.trim()}`;
  const rungs = sendNextRung(
    world,
    incident,
    { reason: 'escalated_by_person', text: `${person} escalates${why}`, actor: person },
    context,
  );
  promiseUpdate(world, incident.id, context);
  const called = rungs.map(({ notify }) => describeTargets(notify)).filter((places) => places !== '');
  const consequence =
    called.length > 0
      ? `calls ${called.join(', ')}`
      : 'its escalation policy has no rung left, so only the places of its message are told';
  return { ok: true, text: `${incident.id} is escalated by ${person}: ${consequence}` };
}

/** A person's words in the story; also afterwards, when the incident is resolved. */
export function note(world: World, event: EventOf<'note'>, context: DecisionContext): CommandAnswer {
  const incident = find(world, event.incidentId);
  if (isAnswer(incident)) return incident;
  if (event.text.trim() === '') return refuse('invalid', 'a note needs a text');
  if (event.text.length > MAX_NOTE_LENGTH)
    return refuse('invalid', `a note has at most ${MAX_NOTE_LENGTH} characters, this one has ${event.text.length}`);
  tell(world, incident.id, context.now, 'note', event.text, { actor: event.actor.person });
  promiseUpdate(world, incident.id, context);
  return { ok: true, text: `noted in ${incident.id}` };
}

/** A person writes lines of the incident's message; null takes one away. */
export function set(world: World, event: EventOf<'set'>, context: DecisionContext): CommandAnswer {
  const incident = find(world, event.incidentId);
  if (isAnswer(incident)) return incident;
  const given = Object.entries(event.fields);
  if (given.length === 0) return refuse('invalid', 'name at least one field');
  for (const [name, value] of given) {
    const problem = problemOf(name, value);
    if (problem !== undefined) return refuse('invalid', problem);
  }
  const fields = new Map(Object.entries(incident.fields));
  for (const [name, value] of given) {
    if (value === null) fields.delete(name);
    else fields.set(name, value);
  }
  if (fields.size > MAX_FIELDS)
    return refuse('invalid', `an incident has at most ${MAX_FIELDS} fields of its own, these would be ${fields.size}`);
  world.putIncident({ ...incident, fields: Object.fromEntries(fields) });
  const text = given.map(([name, value]) => (value === null ? `${name} is taken away` : `${name}: ${value}`)).join('; ');
  tell(world, incident.id, context.now, 'note', text, { actor: event.actor.person });
  promiseUpdate(world, incident.id, context);
  return { ok: true, text: `${incident.id}: ${given.map(([name]) => name).join(', ')} set` };
}

function problemOf(name: string, value: string | null): string | undefined {
  if (name.trim() === '') return 'a field needs a name';
  if (name.length > MAX_FIELD_NAME_LENGTH)
    return `the name of a field has at most ${MAX_FIELD_NAME_LENGTH} characters, one has ${name.length}`;
  if (value === null) return undefined;
  if (value.trim() === '') return `field ${name} needs a value; null takes it away`;
  return value.length > MAX_FIELD_VALUE_LENGTH
    ? `a field has at most ${MAX_FIELD_VALUE_LENGTH} characters, ${name} has ${value.length}`
    : undefined;
}

/**
 * A message that nobody got is part of the story; where only its place was wrong, it goes to the default channel. When that
 * is the place that will not do, there is no other.
 */
export function giveUpNotification(world: World, event: EventOf<'undeliverable'>, context: DecisionContext): void {
  const incident = world.incident(event.incidentId);
  const row = world.notification(event.notificationId);
  if (incident === undefined || row === undefined) return;
  const { channel, place, purpose } = row;
  const other = context.defaultChannel;
  const isDefault = channel === 'slack' && place === other;
  const instead = event.isPlaceAtFault && !isDefault ? other : undefined;
  const consequence = instead === undefined ? '' : `; slack ${instead} is told instead`;
  tell(world, incident.id, context.now, 'undelivered', `${channel} ${place} was not told: ${event.error}${consequence}`);
  if (instead !== undefined)
    askForPlace(world, { incidentId: incident.id, channel: 'slack', place: instead, purpose }, context.now);
}
