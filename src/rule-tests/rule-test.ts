import type { AlertStatus, Labels } from '../domain/alert.ts';
import type { RuleSet } from '../domain/rule.ts';
import type { Limits } from '../domain/settings.ts';
import type { Actor } from '../pipeline/event.ts';
import type { PersonDefinition, ExpectationDefinition } from '../rules/tests-file-schema.ts';
import type { FilePlace } from './file-place.ts';
import type { Script } from './script.ts';
import type { ScriptedRemediations } from './scripted-remediations.ts';

/** A rule test, parsed and checked: everything that it names exists. */
export interface RuleTest {
  readonly name: string;
  readonly place: FilePlace;
  /** When it begins, in epoch milliseconds. */
  readonly startAt: number;
  readonly world: TestWorld;
  readonly alerts: readonly TestAlert[];
  readonly scripts: readonly Script[];
  /** In the order of their time. */
  readonly acts: readonly PersonAct[];
  /** In the order of their time. */
  readonly expectations: readonly Expectation[];
}

/** What the tests of a file share. */
export interface TestWorld {
  readonly rules: RuleSet;
  readonly remediations: ScriptedRemediations;
  readonly limits: Limits;
  readonly defaultChannel: string | undefined;
  /** The configured Slack ids, by person. */
  readonly slackIds: ReadonlyMap<string, string>;
}

export interface TestAlert {
  /** Milliseconds since the start of the test. */
  readonly atMs: number;
  readonly status: AlertStatus;
  readonly labels: Labels;
  readonly annotations: Labels;
  /** The labels of its webhook. */
  readonly groupLabels: Labels;
}

/** What people do: one of them in each entry. */
export const ACTS = [
  'ack',
  'approve',
  'reject',
  'cancel',
  'retry',
  'resolve',
  'escalate',
  'run',
  'rearm',
  'pause',
  'resume',
] as const;
export type ActName = (typeof ACTS)[number];

export interface PersonAct {
  readonly atMs: number;
  readonly place: FilePlace;
  readonly act: ActName;
  readonly actor: Actor;
  readonly definition: PersonDefinition;
  /** Of `pause`. */
  readonly forMs: number | undefined;
}

export interface Expectation {
  readonly atMs: number;
  readonly place: FilePlace;
  readonly definition: ExpectationDefinition;
}
