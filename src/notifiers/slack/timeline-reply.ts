import { isLoud } from '../../domain/loud-entry.ts';
import type { IncidentNews } from '../../domain/notifier.ts';
import type { StoredTimelineEntry } from '../../domain/state.ts';
import { withoutRepetitions, type ToldEntry } from '../without-repetitions.ts';
import { context } from './blocks.ts';
import { shortenedNote } from './incident-links.ts';
import type { Message } from './message.ts';
import { instant, linesWithin, mention, mrkdwn, shortened, type Mrkdwn } from './mrkdwn.ts';
import { packLines } from './pack-lines.ts';

/** After a long silence only so many of the latest lines are told: the rest would flood the thread. */
const MAX_ENTRIES = 120;
const TEXT_MAX = 3_000;

/** A reply with what happened since the last one. */
export interface TimelineReply {
  readonly message: Message;
  /** Whether it is shown in the channel too. */
  readonly isBroadcast: boolean;
  /** The last entry that it tells. */
  readonly position: number;
}

/** The next reply, or `undefined` when everything was told. What calls people has a reply of its own. */
export function timelineReply(news: IncidentNews, toldPosition: number, loudAfter: number): TimelineReply | undefined {
  const { incident, timeline } = news.detail;
  const owed = timeline.filter(({ position }) => position > toldPosition).toSorted((a, b) => a.position - b.position);
  const skipped = Math.max(0, owed.length - MAX_ENTRIES);
  const calls = (entry: StoredTimelineEntry): boolean => entry.position > loudAfter && isLoud(entry, incident);
  const group = firstGroup(owed.slice(skipped), calls);

  const lines = withoutRepetitions(group);
  const { blocks, taken } = packLines(lines.map((line) => describe(line, calls(line.entry))));
  const told = lines.slice(0, taken);
  const last = told.at(-1)?.last;
  if (last === undefined) return undefined;
  const isBroadcast = told.some(({ entry }) => calls(entry));
  const lead = isBroadcast && news.ownerSlackId !== undefined ? [mention(news.ownerSlackId)] : [];
  const note = skipped > 0 ? [mrkdwn`${skipped} earlier entries are left out here ${shortenedNote(incident.id, news.url)}`] : [];
  const smallPrint = [...lead, ...note];
  const all = smallPrint.length === 0 ? blocks : [context(smallPrint), ...blocks];
  const text = linesWithin([...lead, ...told.map((line) => describe(line, calls(line.entry)))], TEXT_MAX).text;
  return { message: { text, blocks: all, shortest: all.slice(0, 2) }, isBroadcast, position: last.position };
}

/** Everything before the first entry that calls people; or, when that comes first, everything up to the last one that does. */
function firstGroup(
  owed: readonly StoredTimelineEntry[],
  calls: (entry: StoredTimelineEntry) => boolean,
): readonly StoredTimelineEntry[] {
  const firstLoud = owed.findIndex(calls);
  if (firstLoud === -1) return owed;
  return firstLoud === 0 ? owed.slice(0, owed.findLastIndex(calls) + 1) : owed.slice(0, firstLoud);
}

function describe({ entry: { at, text, actor }, times }: ToldEntry, isCalling: boolean): Mrkdwn {
  const words = isCalling ? mrkdwn`*${shortened(text, 500)}*` : shortened(text, 500);
  return mrkdwn`${instant(at)} ${words}${times === 1 ? '' : ` (${times} times)`}${actor === null ? '' : ` – ${actor}`}`;
}
