import { readFile, stat } from 'node:fs/promises';
import {
  CORE_SCHEMA,
  SCALAR_STYLE,
  YAMLException,
  constructFromEvents,
  defineMappingTag,
  getScalarValue,
  parseEvents,
} from 'js-yaml';
import { LineIndex } from './line-index.ts';
import type { Place, Problem, ProblemSeverity } from './problem.ts';
import { offsetInScalar } from './scalar-offset.ts';
import { buildYamlTree } from './yaml-events.ts';
import type { YamlEvent, YamlNode } from './yaml-events.ts';
import { MAX_YAML_DEPTH } from './yaml-extent.ts';
import { findYamlFaults } from './yaml-faults.ts';

/** The largest file that is read, in bytes. */
export const MAX_YAML_BYTES = 4 * 1024 * 1024;

/** Keys and indexes from the top of a file to one of its values. */
export type YamlPath = readonly PropertyKey[];

export type YamlResult = { readonly yaml: YamlFile } | { readonly problems: readonly Problem[] };

/** A parsed file that knows where everything in it was written. Its mappings are objects without prototype. */
export class YamlFile {
  /** As it is to be shown to people. */
  readonly file: string;
  readonly source: string;
  /** Plain JSON data; `null` for an empty file. */
  readonly value: unknown;
  readonly #events: readonly YamlEvent[];
  #tree: YamlNode | undefined;
  #lines: LineIndex | undefined;

  constructor(file: string, source: string, value: unknown, events: readonly YamlEvent[]) {
    this.file = file;
    this.source = source;
    this.value = value;
    this.#events = events;
  }

  /** Where a value is written; where it is not, the nearest thing around it that is. */
  placeOf(path: YamlPath): Place {
    return this.#place(this.#offsetOf(path, 'value'));
  }

  /** Where the key of a value is written. */
  placeOfKey(path: YamlPath): Place {
    return this.#place(this.#offsetOf(path, 'key'));
  }

  /** Where the character `index` of a text value stands in the source. */
  placeInside(path: YamlPath, index: number): Place {
    const scalar = this.#nodeAt(path)?.scalar;
    if (scalar === undefined || scalar.valueStart < 0) return this.placeOf(path);
    return this.#place(offsetInScalar(this.source, scalar, getScalarValue(this.source, scalar), index));
  }

  /** Whether a value is a scalar without quotes. */
  isPlain(path: YamlPath): boolean {
    return this.#nodeAt(path)?.scalar?.style === SCALAR_STYLE.PLAIN;
  }

  /** A problem at a value, at its key, or at a character inside of it. */
  problem(
    path: YamlPath,
    message: string,
    options: { readonly at?: 'key' | 'value' | number; readonly severity?: ProblemSeverity } = {},
  ): Problem {
    const { at = 'value', severity = 'error' } = options;
    const place = typeof at === 'number' ? this.placeInside(path, at) : at === 'key' ? this.placeOfKey(path) : this.placeOf(path);
    return { file: this.file, ...place, severity, message };
  }

  #nodeAt(path: YamlPath): YamlNode | undefined {
    this.#tree ??= buildYamlTree(this.source, this.#events);
    let node = this.#tree;
    for (const key of path) node = node?.children.get(String(key));
    return node;
  }

  #offsetOf(path: YamlPath, what: 'key' | 'value'): number {
    for (let length = path.length; length >= 0; length -= 1) {
      const node = this.#nodeAt(path.slice(0, length));
      if (node === undefined) continue;
      if (what === 'key' || node.start < 0 || (length < path.length && node.keyStart !== undefined))
        return node.keyStart ?? Math.max(node.start, 0);
      return node.start;
    }
    return 0;
  }

  #place(offset: number): Place {
    this.#lines ??= new LineIndex(this.source);
    return this.#lines.placeOf(offset);
  }
}

/** Parses a file's content. Of syntax errors only the first is reported, of everything else all. Never throws. */
export function parseYaml(file: string, content: string | Uint8Array): YamlResult {
  const atStart = (message: string): YamlResult => ({ problems: [problemAtStart(file, message)] });
  const bytes = typeof content === 'string' ? Buffer.byteLength(content) : content.byteLength;
  if (bytes > MAX_YAML_BYTES) return atStart(`the file has ${bytes} bytes; at most ${MAX_YAML_BYTES} are read`);
  const source = decodeText(content);
  if (source === undefined) return atStart('the file is not UTF-8 text');
  try {
    const events = parseEvents(source, { maxDepth: MAX_YAML_DEPTH });
    const faults = findYamlFaults(source, events);
    if (faults.length > 0) {
      const lines = new LineIndex(source);
      return { problems: faults.map(({ offset, message }) => ({ file, ...lines.placeOf(offset), severity: 'error', message })) };
    }
    const [value] = constructFromEvents(events, { source, schema: SCHEMA, maxTotalMergeKeys: 0 });
    return { yaml: new YamlFile(file, source, value ?? null, events) };
  } catch (error) {
    if (!(error instanceof YAMLException)) return atStart('not YAML that can be read');
    const place = new LineIndex(source).placeOf(error.mark?.position ?? 0);
    return { problems: [{ file, ...place, severity: 'error', message: describeSyntaxError(error, source) }] };
  }
}

/** Reads and parses a file; one that cannot be read is a problem like any other. Never throws. `file` is shown to people. */
export async function readYamlFile(path: string, file = path): Promise<YamlResult> {
  try {
    const { size } = await stat(path);
    // Read only after the size is known, so that a huge file costs nothing.
    if (size > MAX_YAML_BYTES)
      return { problems: [problemAtStart(file, `the file has ${size} bytes; at most ${MAX_YAML_BYTES} are read`)] };
    return parseYaml(file, await readFile(path));
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown error';
    return { problems: [problemAtStart(file, `cannot be read (${code})`)] };
  }
}

/** A problem of a file as a whole. */
export function problemAtStart(file: string, message: string, severity: ProblemSeverity = 'error'): Problem {
  return { file, line: 1, column: 1, severity, message };
}

// js-yaml's own mappings inherit from Object.prototype.
const SCHEMA = CORE_SCHEMA.withTags(
  defineMappingTag<Record<string, unknown>>('tag:yaml.org,2002:map', {
    create: () => Object.create(null) as Record<string, unknown>,
    addPair: (mapping, key, value) => {
      if (typeof key === 'object' && key !== null) return 'a key is a single text';
      mapping[String(key)] = value;
      return '';
    },
    has: (mapping, key) => Object.hasOwn(mapping, String(key)),
    keys: (mapping) => Object.keys(mapping),
    get: (mapping, key) => mapping[String(key)],
    identify: () => false,
  }),
);

function decodeText(content: string | Uint8Array): string | undefined {
  if (typeof content === 'string') return content.replace(/^\ufeff/, '');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    return undefined;
  }
}

/** js-yaml's words without the texts it quotes: those may be secrets. */
function describeSyntaxError(error: YAMLException, source: string): string {
  if (error.reason === 'duplicated mapping key') {
    const key = /^[\w.-]{1,60}/.exec(source.slice(error.mark?.position ?? 0))?.[0];
    return key === undefined ? 'this key stands twice in one mapping' : `the key '${key}' stands twice in one mapping`;
  }
  if (error.reason.startsWith('unidentified alias')) return 'unknown alias; put a text that starts with * in quotes';
  if (error.reason.startsWith('nesting exceeded')) return `nested deeper than ${MAX_YAML_DEPTH} levels`;
  return `not valid YAML: ${error.reason.replaceAll(/ ?"[^"]*"|: .*/gs, '')}`;
}
