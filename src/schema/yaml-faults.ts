import { EVENT_ID, SCALAR_STYLE, getScalarValue } from 'js-yaml';
import { startOf } from './yaml-events.ts';
import type { YamlEvent, YamlScalarEvent } from './yaml-events.ts';
import { findExtentFault } from './yaml-extent.ts';
import type { YamlFault } from './yaml-extent.ts';

const MAX_FAULTS = 100;
// No number that is longer than this is finite or safe; not looking at it bounds the time.
const MAX_NUMBER_LENGTH = 400;

/** What in a parsed file is ambiguous, dangerous to walk or not supported; the first hundred. */
export function findYamlFaults(source: string, events: readonly YamlEvent[]): readonly YamlFault[] {
  const all = [findSecondDocument(source, events), findExtentFault(source, events), ...findNodeFaults(source, events)];
  return all.filter((fault) => fault !== undefined).toSorted((a, b) => a.offset - b.offset);
}

function findSecondDocument(source: string, events: readonly YamlEvent[]): YamlFault | undefined {
  const [, second] = events.keys().filter((index) => events[index]?.type === EVENT_ID.DOCUMENT);
  const first = second === undefined ? undefined : events[second + 1];
  if (first === undefined) return undefined;
  const start = startOf(first);
  const separator = start < 0 ? source.lastIndexOf('---') : source.lastIndexOf('---', start);
  return { offset: separator < 0 ? Math.max(start, 0) : separator, message: 'a second document starts here; a file holds one' };
}

function findNodeFaults(source: string, events: readonly YamlEvent[]): readonly YamlFault[] {
  const faults: YamlFault[] = [];
  const open: { readonly isMapping: boolean; items: number }[] = [];
  for (const event of events) {
    if (faults.length >= MAX_FAULTS) break;
    if ('tagStart' in event && event.tagStart !== -1) {
      faults.push({ offset: event.tagStart, message: 'tags are not supported; put a text that starts with ! in quotes' });
    }
    if (event.type === EVENT_ID.SCALAR) {
      const parent = open.at(-1);
      const isKey = parent?.isMapping === true && parent.items % 2 === 0;
      const message = describeScalarFault(source, event, isKey);
      if (message !== undefined) faults.push({ offset: event.valueStart, message });
    }
    if (event.type === EVENT_ID.POP) open.pop();
    if (event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE) {
      open.push({ isMapping: event.type === EVENT_ID.MAPPING, items: 0 });
    } else {
      const parent = open.at(-1);
      if (parent !== undefined) parent.items += 1;
    }
  }
  return faults;
}

function describeScalarFault(source: string, scalar: YamlScalarEvent, isKey: boolean): string | undefined {
  const text = getScalarValue(source, scalar);
  if (isKey) return describeKeyFault(text);
  return scalar.style === SCALAR_STYLE.PLAIN ? describePlainFault(text) : undefined;
}

function describeKeyFault(key: string): string | undefined {
  if (key === '<<') return 'merge keys (<<) are not supported; write the values out';
  if (key === '__proto__') return "a key cannot be called '__proto__'";
  return undefined;
}

function describePlainFault(text: string): string | undefined {
  if (text.length > MAX_NUMBER_LENGTH) return undefined;
  if (/^[-+]?0[0-9]+$/.test(text))
    return 'a number with a leading zero reads differently everywhere; drop the zero, or put it in quotes';
  if (/^[-+]?(?:\.inf|\.Inf|\.INF)$|^(?:\.nan|\.NaN|\.NAN)$/.test(text)) return 'not a finite number; put a text in quotes';
  if (/^[-+]?[\d.]+[eE][-+]?\d+$/.test(text) && !Number.isFinite(Number(text)))
    return 'not a finite number; put a text in quotes';
  const isInteger = /^(?:[-+]?\d+|0x[0-9a-fA-F]+|0o[0-7]+)$/.test(text);
  return isInteger && !Number.isSafeInteger(Number(text))
    ? 'a number with so many digits loses some; put it in quotes'
    : undefined;
}
