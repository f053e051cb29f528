import type { JsonObject } from '../../domain/json.ts';
import type { Stage } from './stage.ts';

/** A sick system, its alert and what should become of it. */
export interface Act {
  readonly title: string;
  /** How its incident ends, in a few words. */
  readonly ending: string;
  /** The rule file that the daemon gets for it. */
  readonly ruleFile: { readonly name: string; readonly text: string };
  /** For `connections` of the configuration: kind, then name. */
  readonly connections: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>;
  /** Resolves when the incident ended as it should; rejects with a `DemoError` when it did not. */
  play(stage: Stage): Promise<void>;
}
