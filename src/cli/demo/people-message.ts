import * as z from 'zod';

/** What the message about an incident says in one place: its first line, which is updated as things change. */
export interface PeopleMessage {
  readonly at: Date;
  readonly channel: string;
  readonly place: string;
  readonly incidentId: string;
  readonly text: string;
}

const logLine = z.object({ time: z.iso.datetime(), msg: z.string() });
/** The lines below the first one are indented; they are those of the incident's timeline. */
const FIRST_LINE =
  /^(?<channel>slack|pagerduty) (?<place>\S+): (?<head>\S.*?) \((?<incidentId>inc_[^,)]+)(?:, (?<owner>[^)]*))?\)(?<rest>.*)$/;

/** Reads in a line of the daemon's log what people would have been told; `undefined` for what is no message about an incident. */
export function readPeopleMessage(line: string): PeopleMessage | undefined {
  const read = logLine.safeParse(parseJson(line));
  if (!read.success) return undefined;
  const { time, msg } = read.data;
  const { channel, place, head = '', incidentId, owner, rest = '' } = FIRST_LINE.exec(msg)?.groups ?? {};
  if (channel === undefined || place === undefined || incidentId === undefined) return undefined;
  const text = `${head}${owner === undefined ? '' : `, ${owner}`}${rest}`;
  return { at: new Date(time), channel, place, incidentId, text };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
