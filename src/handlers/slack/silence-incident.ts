import type { Labels } from '../../domain/alert.ts';
import { formatDuration, parseDuration } from '../../domain/duration.ts';
import { REPORTED_SOURCE } from '../../domain/reported-alert.ts';
import type { Actor, PipelineEvent } from '../../pipeline/event.ts';
import { createSilences, silencesFor, type CreatedSilences } from '../create-silence.ts';
import { shorten } from './answer-text.ts';
import { applyInTime, inTime } from './in-time.ts';
import type { SlackInDeps } from './slack-in-deps.ts';

const MAX_SILENCE_MS = 7 * 24 * 3_600_000;
/** So that it fits into a note. */
const MAX_DESCRIBED = 3_000;

/** What a person chose: the incident, and for how long. */
export interface SilenceChoice {
  readonly incidentId: string;
  readonly forMs: number;
}

/** The choice, or `undefined` when it is no duration up to a week. */
export function parseSilenceChoice(incidentId: string, duration: string): SilenceChoice | undefined {
  const forMs = parseDuration(duration);
  return forMs === undefined || forMs === 0 || forMs > MAX_SILENCE_MS ? undefined : { incidentId, forMs };
}

/**
 * Silences the firing alerts of an incident in Alertmanager, and notes that in its timeline. Says what came of it. That it
 * was asked for is on disk before: what cannot be written, or was asked in the same request before, is not done.
 */
export async function silenceIncident(
  deps: SlackInDeps,
  { incidentId, forMs }: SilenceChoice,
  actor: Actor,
  signal: AbortSignal,
): Promise<string> {
  const { pipeline, store, clock, settings, onFault } = deps;
  const detail = await inTime(store.incidentDetail(incidentId), signal);
  if (detail === undefined) return `there is no incident ${incidentId}`;
  const connections = settings().connections.filter((connection) => connection.kind === 'alertmanager');
  if (connections.length === 0) return 'nothing is silenced: no alertmanager is configured under connections';
  const firing = detail.alerts
    .filter(({ episode }) => episode.status === 'firing' && episode.source !== REPORTED_SOURCE)
    .map(({ content }) => content.labels);
  if (firing.length === 0) return `nothing is silenced: no alert of Alertmanager fires in ${incidentId}`;
  const silences = silencesFor(firing);
  if (silences === undefined)
    return `nothing is silenced: the ${firing.length} firing alerts of ${incidentId} have too little in common; silence them in Alertmanager`;
  const asked = { ok: true, text: `asked to silence it for ${formatDuration(forMs)}` } as const;
  const details = { for_ms: forMs };
  const answer = await applyInTime(
    deps,
    { kind: 'recorded', action: 'silence', subject: incidentId, details, answer: asked, actor },
    signal,
  );
  if (!answer.ok) return answer.text;
  const noteOf = (text: string): PipelineEvent => ({ kind: 'note', incidentId, text, actor: afterwards(actor) });
  const now = clock.now();
  let created: CreatedSilences;
  try {
    created = await createSilences(
      connections,
      { silences, startsAt: now, endsAt: now + forMs, createdBy: actor.person, comment: `remedyd: incident ${incidentId}` },
      signal,
    );
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const text = `tried to silence it; no Alertmanager has confirmed that (${why})`;
    // Its time may be over; what may have been done is written down all the same.
    pipeline
      .apply(noteOf(text))
      .catch((fault: unknown) => onFault('that somebody tried to silence an incident is not in its timeline', fault));
    return `whether it is silenced is not known; no Alertmanager has confirmed it (${why}); look there, or try again`;
  }
  const text = `silenced until ${new Date(now + forMs).toISOString()} in ${created.connection} (${created.ids.join(', ')}): ${shorten(describeSilences(silences), MAX_DESCRIBED)}`;
  const noted = await applyInTime(deps, noteOf(text), signal);
  return noted.ok ? text : `${text}; its timeline does not have it: ${noted.text}`;
}

/** Of one request two things are recorded, each once. */
function afterwards(actor: Actor): Actor {
  return { ...actor, ...(actor.requestId === undefined ? {} : { requestId: `${actor.requestId}:note` }) };
}

function describeSilences(silences: readonly Labels[]): string {
  return silences
    .map(
      (labels) =>
        `{${Object.entries(labels)
          .map(([name, value]) => `${name}=${JSON.stringify(shorten(value, 80))}`)
          .join(', ')}}`,
    )
    .join(' and ');
}
