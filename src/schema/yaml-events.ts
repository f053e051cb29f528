import { EVENT_ID, getScalarValue } from 'js-yaml';
import type { parseEvents } from 'js-yaml';

export type YamlEvent = ReturnType<typeof parseEvents>[number];
export type YamlScalarEvent = Extract<YamlEvent, { type: typeof EVENT_ID.SCALAR }>;

/** A node of the source: where it stands, and its children by key or index. An alias has none: what it stands for is elsewhere. */
export interface YamlNode {
  /** -1 for a value that is not written (`key:`). */
  readonly start: number;
  readonly keyStart?: number;
  readonly scalar?: YamlScalarEvent;
  readonly children: ReadonlyMap<string, YamlNode>;
}

/** The tree of a document's events; `undefined` for an empty one. Depth is bounded by the parser. */
export function buildYamlTree(source: string, events: readonly YamlEvent[]): YamlNode | undefined {
  let next = 0;

  const readNode = (keyStart?: number): YamlNode | undefined => {
    const event = events[next];
    next += 1;
    if (event === undefined || event.type === EVENT_ID.POP || event.type === EVENT_ID.DOCUMENT) return undefined;
    const key = keyStart === undefined ? {} : { keyStart };
    const scalar = event.type === EVENT_ID.SCALAR ? { scalar: event } : {};
    const children =
      event.type === EVENT_ID.MAPPING
        ? readMapping()
        : event.type === EVENT_ID.SEQUENCE
          ? readSequence()
          : new Map<string, YamlNode>();
    return { start: startOf(event), ...key, ...scalar, children };
  };

  const readMapping = (): Map<string, YamlNode> => {
    const children = new Map<string, YamlNode>();
    while (events[next] !== undefined && events[next]?.type !== EVENT_ID.POP) {
      const key = events[next];
      const keyNode = readNode();
      const value = readNode(keyNode?.start);
      if (key?.type === EVENT_ID.SCALAR && value !== undefined) children.set(getScalarValue(source, key), value);
    }
    next += 1;
    return children;
  };

  const readSequence = (): Map<string, YamlNode> => {
    const children = new Map<string, YamlNode>();
    while (events[next] !== undefined && events[next]?.type !== EVENT_ID.POP) {
      const item = readNode();
      if (item !== undefined) children.set(String(children.size), item);
    }
    next += 1;
    return children;
  };

  if (events[0]?.type === EVENT_ID.DOCUMENT) next = 1;
  return readNode();
}

/** The offset where an event's text starts; -1 when it has none. */
export function startOf(event: YamlEvent): number {
  switch (event.type) {
    case EVENT_ID.SCALAR:
      return event.valueStart;
    case EVENT_ID.ALIAS:
      return event.anchorStart - 1;
    case EVENT_ID.MAPPING:
    case EVENT_ID.SEQUENCE:
      return event.start;
    case EVENT_ID.DOCUMENT:
    case EVENT_ID.POP:
      return -1;
  }
}

/** The name that an event gives to its value with `&name`. */
export function anchorOf(source: string, event: YamlEvent): string | undefined {
  if (event.type === EVENT_ID.ALIAS || !('anchorStart' in event) || event.anchorStart === -1) return undefined;
  return source.slice(event.anchorStart, event.anchorEnd);
}
