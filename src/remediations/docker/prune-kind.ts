import type Docker from 'dockerode';
import type { Json } from '../../domain/json.ts';
import type { StepContext } from '../../domain/remediation.ts';

/** What is to be removed: nothing but this. */
export interface PruneFilter {
  readonly olderThanMs: number;
  /** `key` or `key=value`; all have to fit. */
  readonly labels: readonly string[];
  /** Also images that have a name, and build cache that an image shares. */
  readonly all: boolean;
}

/** One thing that nothing uses. */
export interface PruneItem {
  readonly [key: string]: Json;
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** Since when it has not been used, as far as the engine knows; epoch milliseconds. */
  readonly since: number;
  /** What its removal frees at least. */
  readonly bytes: number;
  /** The names of an image, which all have to go. */
  readonly refs: readonly string[];
}

/** One kind of thing that can be pruned. */
export interface PruneKind {
  /** Everything that nothing uses and that fits labels and `all`, whatever its age. */
  find(docker: Docker, filter: PruneFilter, context: StepContext<'docker'>): Promise<readonly PruneItem[]>;
  /** Looks at the thing again and removes it: the bytes that this freed; `undefined` when it is not what was planned any more. */
  remove(docker: Docker, item: PruneItem, context: StepContext<'docker'>): Promise<number | undefined>;
}

/** Whether labels have all that are asked for. */
export function hasLabels(labels: Readonly<Record<string, string>>, wanted: readonly string[]): boolean {
  return wanted.every((text) => {
    const [key = '', ...value] = text.split('=');
    return Object.hasOwn(labels, key) && (value.length === 0 || labels[key] === value.join('='));
  });
}
