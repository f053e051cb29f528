import { EVENT_ID } from 'js-yaml';
import { anchorOf, startOf } from './yaml-events.ts';
import type { YamlEvent } from './yaml-events.ts';

/** The deepest nesting, with aliases filled in. */
export const MAX_YAML_DEPTH = 64;
/** The most values of a file, with aliases filled in: this is what everything after the parser has to walk. */
const MAX_YAML_VALUES = 500_000;

/** Something that YAML allows and we do not, and where. Messages hold no values: those may be secrets. */
export interface YamlFault {
  readonly offset: number;
  readonly message: string;
}

/** What a value amounts to once aliases are filled in. */
interface Extent {
  readonly values: number;
  readonly depth: number;
}

const SCALAR: Extent = { values: 1, depth: 0 };

/** The first place where a file becomes too much to walk: alias bombs, endless aliases, too many values. */
export function findExtentFault(source: string, events: readonly YamlEvent[]): YamlFault | undefined {
  const anchors = new Map<string, Extent | 'open'>();
  const open: { readonly anchor: string | undefined; extent: Extent }[] = [];
  let offset = 0;
  for (const event of events) {
    offset = Math.max(offset, startOf(event));
    const extent = enterOrMeasure(event);
    if (extent === 'open') return { offset, message: 'an alias stands inside the value it stands for' };
    const parent = open.at(-1);
    if (extent === undefined || parent === undefined) continue;
    parent.extent = { values: parent.extent.values + extent.values, depth: Math.max(parent.extent.depth, extent.depth + 1) };
    if (parent.extent.values > MAX_YAML_VALUES || open.length + extent.depth > MAX_YAML_DEPTH)
      return { offset, message: describeExcess(event) };
  }
  return undefined;

  /** The extent of a value that is complete now; nothing while it is only opened. */
  function enterOrMeasure(event: YamlEvent): Extent | 'open' | undefined {
    const anchor = anchorOf(source, event);
    switch (event.type) {
      case EVENT_ID.MAPPING:
      case EVENT_ID.SEQUENCE:
        if (anchor !== undefined) anchors.set(anchor, 'open');
        open.push({ anchor, extent: { values: 1, depth: 1 } });
        return undefined;
      case EVENT_ID.POP: {
        const closed = open.pop();
        if (closed?.anchor !== undefined) anchors.set(closed.anchor, closed.extent);
        return closed?.extent;
      }
      case EVENT_ID.ALIAS:
        return anchors.get(source.slice(event.anchorStart, event.anchorEnd)) ?? SCALAR;
      case EVENT_ID.SCALAR:
        if (anchor !== undefined) anchors.set(anchor, SCALAR);
        return SCALAR;
      case EVENT_ID.DOCUMENT:
        return undefined;
    }
  }
}

function describeExcess(event: YamlEvent): string {
  return event.type === EVENT_ID.ALIAS
    ? 'aliases repeat too much; write the values out'
    : `more than ${MAX_YAML_VALUES} values in one file; split it`;
}
