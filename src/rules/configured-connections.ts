import type { ConnectionKind } from '../domain/connection.ts';
import { suggestName } from '../schema/nearest-name.ts';

/** The connections that are configured. The same name may exist for several kinds. */
export interface ConnectionNames {
  /** Why a name cannot be used for a kind; `undefined` when it can. */
  faultOf(kind: ConnectionKind, name: string): string | undefined;
  /** The only connection of a kind. */
  onlyOne(kind: ConnectionKind): string | undefined;
  hasAny(kind: ConnectionKind): boolean;
}

/** The connections of a configuration, by name with the kinds that each exists for. */
export class ConfiguredConnections implements ConnectionNames {
  readonly #kinds: ReadonlyMap<string, ReadonlySet<ConnectionKind>>;

  constructor(kinds: ReadonlyMap<string, ReadonlySet<ConnectionKind>>) {
    this.#kinds = kinds;
  }

  faultOf(kind: ConnectionKind, name: string): string | undefined {
    const kinds = this.#kinds.get(name);
    if (kinds?.has(kind) === true) return undefined;
    const known = this.#namesOf(kind);
    const list = known.length === 0 ? 'none is configured' : `configured are ${known.join(', ')}`;
    if (kinds !== undefined)
      return `connection '${name}' is of kind ${[...kinds].join(', ')}, not ${kind}; of kind ${kind} ${list}`;
    return `unknown ${kind} connection '${name}'${known.length === 0 ? `; ${list}` : suggestName(name, known)}`;
  }

  onlyOne(kind: ConnectionKind): string | undefined {
    const names = this.#namesOf(kind);
    return names.length === 1 ? names[0] : undefined;
  }

  hasAny(kind: ConnectionKind): boolean {
    return this.#namesOf(kind).length > 0;
  }

  #namesOf(kind: ConnectionKind): readonly string[] {
    return [...this.#kinds].flatMap(([name, kinds]) => (kinds.has(kind) ? [name] : []));
  }
}
