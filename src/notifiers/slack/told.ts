import type { Json, JsonObject } from '../../domain/json.ts';

/** What a place in Slack has been told of one incident, as it is kept in the notification's row. */
export interface Told {
  /** The channel's id, once it is known. */
  readonly channelId: string | null;
  /** Which message it is: its timestamp. */
  readonly ts: string | null;
  /** Of the message as it was posted or updated last. */
  readonly digest: string | null;
  /** Counts the messages that took the place of one that could no longer be updated. */
  readonly generation: number;
  /** The last place in the timeline when it was posted: what is older calls nobody. */
  readonly loudAfter: number;
  /** The steps whose outputs are in the thread. */
  readonly outputs: readonly string[];
  /** The phase that customers were told of last. */
  readonly customerPhase: string | null;
  readonly hasPostMortem: boolean;
  /** Of a channel of its own: what was set there. */
  readonly topic: string | null;
  readonly invited: readonly string[];
}

/** Nothing yet. */
const NOTHING: Told = {
  channelId: null,
  ts: null,
  digest: null,
  generation: 0,
  loudAfter: 0,
  outputs: [],
  customerPhase: null,
  hasPostMortem: false,
  topic: null,
  invited: [],
};

/** Reads a row; what is missing in it was not told. */
export function toldFromJson(row: JsonObject | null): Told {
  if (row === null) return NOTHING;
  return {
    channelId: textOf(row['channel_id']),
    ts: textOf(row['ts']),
    digest: textOf(row['digest']),
    generation: numberOf(row['generation']),
    loudAfter: numberOf(row['loud_after']),
    outputs: textsOf(row['outputs']),
    customerPhase: textOf(row['customer_phase']),
    hasPostMortem: row['has_post_mortem'] === true,
    topic: textOf(row['topic']),
    invited: textsOf(row['invited']),
  };
}

export function toldToJson(told: Told): JsonObject {
  return {
    channel_id: told.channelId,
    ts: told.ts,
    digest: told.digest,
    generation: told.generation,
    loud_after: told.loudAfter,
    outputs: told.outputs,
    customer_phase: told.customerPhase,
    has_post_mortem: told.hasPostMortem,
    topic: told.topic,
    invited: told.invited,
  };
}

function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function numberOf(value: Json | undefined): number {
  return typeof value === 'number' ? value : 0;
}

function textsOf(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
