import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { callApi, type ApiTarget } from '../api-client.ts';
import { CliError } from '../cli-error.ts';
import { incidentDetailView } from '../incident-view.ts';
import { DemoError } from './demo-error.ts';
import type { PeopleMessage } from './people-message.ts';
import { questionText } from './question-text.ts';
import { notificationView, type FollowedIncident, type Tell } from './stage.ts';
import { Storyteller } from './storyteller.ts';
import { waitUntil } from './wait-until.ts';

const INCIDENT_WITHIN_MS = 40_000;
/** How long a question stands before it is answered: it is to be read. */
const READING_MS = 1_500;
/** Until what the daemon has written arrives here. */
const ARRIVAL_MS = 100;

/** The daemon as a person has it: the API with her token, and what the messages said so far. */
export interface FollowedDaemon extends ApiTarget {
  readonly messages: readonly PeopleMessage[];
}

const incidentPage = z.object({ incidents: z.array(incidentDetailView) });
const notificationPage = z.object({ notifications: z.array(notificationView) });

/**
 * Tells the story of a rule's incident, as the daemon has it and as people are told of it, and approves what it asks for,
 * until it is as it should be.
 */
export async function followIncident(
  daemon: FollowedDaemon,
  rule: string,
  isOver: (incident: FollowedIncident) => boolean,
  tell: Tell,
): Promise<FollowedIncident> {
  const storyteller = new Storyteller(tell, daemon.messages);
  const answered = new Set<string>();
  const look = async (): Promise<FollowedIncident | undefined> => {
    const incident = await readIncident(daemon, rule);
    if (incident === undefined) return undefined;
    storyteller.tellTimeline(incident);
    storyteller.tellMessages(incident, Date.now());
    for (const run of incident.runs) {
      const question = questionText(run);
      if (question === undefined || answered.has(run.id)) continue;
      answered.add(run.id);
      await delay(ARRIVAL_MS);
      storyteller.tellMessages(incident, Infinity);
      tell('slack', `#incidents  ${question}`);
      await delay(READING_MS);
      tell('you', 'would click Approve; the demo does it for you, through the API, with your token');
      const answer = { run: run.id, intent_digest: run.intent_digest };
      await callApi(daemon, 'POST', `/api/v1/incidents/${incident.id}/approve`, answer);
    }
    if (!isOver(incident)) return undefined;
    await delay(ARRIVAL_MS);
    storyteller.tellMessages(incident, Infinity);
    return incident;
  };
  try {
    return await waitUntil(`the incident of ${rule} does not end as it should`, look, INCIDENT_WITHIN_MS);
  } catch (error) {
    if (error instanceof CliError) throw new DemoError(error.message, { cause: error });
    throw error;
  }
}

async function readIncident(daemon: FollowedDaemon, rule: string): Promise<FollowedIncident | undefined> {
  const page = await callApi(daemon, 'GET', `/api/v1/incidents?rule=${encodeURIComponent(rule)}&limit=1`);
  const [incident] = incidentPage.parse(page).incidents;
  if (incident === undefined) return undefined;
  const owed = await callApi(daemon, 'GET', `/api/v1/notifications?incident=${encodeURIComponent(incident.id)}`);
  return { ...incident, notifications: notificationPage.parse(owed).notifications };
}
