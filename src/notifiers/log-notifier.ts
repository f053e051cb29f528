import {
  NotifyError,
  type BundleNews,
  type Delivered,
  type IncidentNews,
  type News,
  type Notifier,
  type NotifyOperation,
} from '../domain/notifier.ts';
import type { Notification } from '../domain/state.ts';
import { withoutRepetitions, type ToldEntry } from './without-repetitions.ts';

/** How many of a bundle's incidents are named. */
const MAX_NAMED = 20;
/** How much of the story one operation tells. */
const MAX_ENTRIES = 100;
const LONGEST_LINE = 2_000;
/** Of the rule and its labels, so that what is said of them is not cut off. */
const LONGEST_NAME = 300;

/** Stands in for a channel that is not configured: says in the log what people would have been told. */
export class LogNotifier implements Notifier {
  readonly name = 'log';
  readonly #write: (line: string) => void;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  next(news: News, notification: Notification): NotifyOperation | undefined {
    const { lines, position } = describeNews(news, notification);
    const head = lines[0] ?? '';
    const isSame = notification.told?.['head'] === head && position === notification.toldPosition;
    if (isSame || lines.length === 0) return undefined;
    const place = `${notification.channel} ${notification.place}`;
    return {
      kind: 'log',
      lane: 'log',
      gapMs: 0,
      nonce: `${notification.id}:${position}:${head}`,
      isRepeatable: true,
      request: { head, position, lines: lines.map((line) => readable(`${place}: ${line}`)) },
    };
  }

  send({ request }: NotifyOperation): Promise<Delivered> {
    const { lines, head, position } = request;
    if (!Array.isArray(lines) || typeof head !== 'string' || typeof position !== 'number')
      return Promise.reject(new NotifyError('refused', 'the journaled lines cannot be read'));
    for (const line of lines) this.#write(String(line));
    return Promise.resolve({ told: { head }, toldPosition: position });
  }

  find(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
}

interface Described {
  /** The first says how things are; the others what is new. */
  readonly lines: readonly string[];
  /** How much of the story they tell. */
  readonly position: number;
}

function describeNews(news: News, notification: Notification): Described {
  switch (news.kind) {
    case 'incident':
      return describeIncident(news, notification);
    case 'bundle':
      return { lines: describeBundle(news), position: 0 };
    case 'notice':
      return { lines: [news.text], position: 0 };
  }
}

function describeIncident(news: IncidentNews, { purpose, toldPosition }: Notification): Described {
  const { incident, timeline } = news.detail;
  const owner = incident.acknowledgedBy === null ? '' : `, ${incident.acknowledgedBy} has it`;
  const next = news.next.length === 0 ? '' : `; next: ${news.next.join(', ')}`;
  const call = purpose === 'page' ? 'PAGE ' : '';
  const scope = Object.entries(incident.groupLabels).map(([name, value]) => ` ${name}=${value}`);
  const which = `${incident.rule}${scope.join('')}`.slice(0, LONGEST_NAME);
  const head = `${call}${incident.severity} ${which} is ${news.phase} (${incident.id}${owner})${next}`;
  const fresh = timeline.filter((entry) => entry.position > toldPosition).slice(0, MAX_ENTRIES);
  const fields = toldPosition === 0 ? news.fields.map(({ name, value }) => `  ${name}: ${value}`) : [];
  return {
    lines: [head, ...fields, ...withoutRepetitions(fresh).map(describeEntry)],
    position: fresh.at(-1)?.position ?? toldPosition,
  };
}

function describeEntry({ entry: { actor, text }, times }: ToldEntry): string {
  return `  ${actor === null ? '' : `${actor}: `}${text}${times === 1 ? '' : ` (${times} times)`}`;
}

function describeBundle({ incidents }: BundleNews): readonly string[] {
  const open = incidents.filter((incident) => incident.status !== 'resolved').length;
  const named = incidents.slice(0, MAX_NAMED).map(({ id, severity, rule, status }) => `  ${severity} ${rule} ${status} (${id})`);
  const more = incidents.length > MAX_NAMED ? [`  and ${incidents.length - MAX_NAMED} more`] : [];
  return [`${incidents.length} incidents began together, ${open} of them open`, ...named, ...more];
}

/** One line of text of others: without control characters, also those that turn the direction of writing. */
function readable(text: string): string {
  return text
    .replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .slice(0, LONGEST_LINE)
    .toWellFormed();
}
