import { z } from 'zod';
import { GATES } from '../domain/reason.ts';
import { callApi } from './api-client.ts';
import { CliError } from './cli-error.ts';
import { incidentDetailView, incidentView } from './incident-view.ts';
import { parsePairs, type ApiOptions } from './options.ts';
import { printable } from './printable.ts';
import { formatIncident, formatIncidentList } from './print-incident.ts';

const listAnswer = z.object({ incidents: z.array(incidentView), next_cursor: z.string().nullable() });
const markdownAnswer = z.object({ markdown: z.string() });
const customerAnswer = z.object({ phase: z.string(), text: z.string().nullable() });
const textAnswer = z.object({ text: z.string() });

type Output = (text: string) => void;

export interface ListOptions extends ApiOptions {
  readonly status?: string;
  readonly rule?: string;
  readonly limit: string;
  readonly cursor?: string;
}

export async function listIncidents(options: ListOptions, print: Output): Promise<void> {
  const query = new URLSearchParams({ limit: options.limit });
  for (const name of ['status', 'rule', 'cursor'] as const) {
    const value = options[name];
    if (value !== undefined) query.set(name, value);
  }
  const answer = await callApi(options, 'GET', `/api/v1/incidents?${query.toString()}`);
  if (options.json === true) {
    print(JSON.stringify(answer, null, 2));
    return;
  }
  const { incidents, next_cursor } = listAnswer.parse(answer);
  print(formatIncidentList(incidents, Date.now()));
  if (next_cursor !== null) print(`more: remedyd incident list --cursor ${next_cursor}`);
}

export async function showIncident(id: string, options: ApiOptions, print: Output): Promise<void> {
  const answer = await callApi(options, 'GET', `/api/v1/incidents/${encodeURIComponent(id)}`);
  print(options.json === true ? JSON.stringify(answer, null, 2) : formatIncident(incidentDetailView.parse(answer)));
}

export interface CreateOptions extends ApiOptions {
  readonly label: readonly string[];
  readonly summary?: string;
}

export async function createIncident(options: CreateOptions, print: Output): Promise<void> {
  const labels = parsePairs(options.label, '--label');
  const answer = await callApi(options, 'POST', '/api/v1/incidents', {
    labels: { ...labels },
    ...(options.summary === undefined ? {} : { summary: options.summary }),
  });
  print(options.json === true ? JSON.stringify(answer, null, 2) : textOf(answer));
}

export type IncidentAction = 'ack' | 'approve' | 'reject' | 'cancel' | 'escalate' | 'retry' | 'resolve';

export interface ActionOptions extends ApiOptions {
  readonly run?: string;
  readonly override?: string;
  readonly reason?: string;
  readonly intentDigest?: string;
}

export async function actOnIncident(id: string, action: IncidentAction, options: ActionOptions, print: Output): Promise<void> {
  if (options.override !== undefined && !(GATES as readonly string[]).includes(options.override)) {
    throw new CliError(2, `--override ${options.override}: there is no such gate; gates are ${GATES.join(', ')}`);
  }
  const body = {
    ...(options.run === undefined ? {} : { run: options.run }),
    ...(options.override === undefined ? {} : { override: options.override }),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
    ...(options.intentDigest === undefined ? {} : { intent_digest: options.intentDigest }),
  };
  const answer = await callApi(options, 'POST', `/api/v1/incidents/${encodeURIComponent(id)}/${action}`, body);
  print(options.json === true ? JSON.stringify(answer, null, 2) : textOf(answer));
}

export async function noteOnIncident(id: string, text: string, options: ApiOptions, print: Output): Promise<void> {
  const answer = await callApi(options, 'POST', `/api/v1/incidents/${encodeURIComponent(id)}/note`, { text });
  print(options.json === true ? JSON.stringify(answer, null, 2) : textOf(answer));
}

/** Sets lines of the incident's message; `NAME=` takes one away. */
export async function setOnIncident(id: string, values: readonly string[], options: ApiOptions, print: Output): Promise<void> {
  const pairs = Object.entries(parsePairs(values, 'a field'));
  const fields = Object.fromEntries(pairs.map(([name, value]) => [name, value === '' ? null : value]));
  const answer = await callApi(options, 'POST', `/api/v1/incidents/${encodeURIComponent(id)}/set`, { fields });
  print(options.json === true ? JSON.stringify(answer, null, 2) : textOf(answer));
}

export async function printPostMortem(id: string, options: ApiOptions, print: Output): Promise<void> {
  const answer = await callApi(options, 'GET', `/api/v1/incidents/${encodeURIComponent(id)}/post-mortem`);
  print(options.json === true ? JSON.stringify(answer, null, 2) : markdownAnswer.parse(answer).markdown);
}

/** Prints the rule's text for customers in the phase that the incident is in. */
export async function printCustomerMessage(id: string, options: ApiOptions, print: Output): Promise<void> {
  const answer = await callApi(options, 'GET', `/api/v1/incidents/${encodeURIComponent(id)}/customer-message`);
  const { phase, text } = customerAnswer.parse(answer);
  if (options.json === true) print(JSON.stringify(answer, null, 2));
  else if (text === null) throw new CliError(1, `the rule of ${id} has no customer_messages for the phase ${phase}`);
  else print(text);
}

/** The line that the daemon answers a command with. */
export function textOf(answer: unknown): string {
  const parsed = textAnswer.safeParse(answer);
  return parsed.success ? printable(parsed.data.text) : 'done';
}
