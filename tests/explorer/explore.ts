import { Fingerprint } from './fingerprint.ts';
import { createGateOracle, judgeStep } from './laws.ts';
import type { Node, Scenario } from './model.ts';
import { firstNode, Moves, type PlantedBug } from './moves.ts';
import { StateSet } from './state-set.ts';

export interface Explored {
  readonly states: number;
  readonly transitions: number;
  /** Whether every state was looked at, and not only as many as the scenario allows. */
  readonly isComplete: boolean;
  /** The first law that was broken, with the shortest history that breaks it. */
  readonly violation: { readonly broken: string; readonly trace: readonly string[] } | undefined;
}

/** Looks at every state that can be reached, the nearest first, until a law is broken. */
export function explore(scenario: Scenario, bug: PlantedBug = {}): Explored {
  const moves = new Moves(scenario, bug);
  const gates = createGateOracle((node) => moves.contextAt(node));
  const seen = new StateSet();
  const fingerprint = new Fingerprint();
  // How each state was reached: its parent, and which of the parent's steps it was.
  const parents: number[] = [-1];
  const choices: number[] = [0];
  const first = firstNode(scenario);
  fingerprint.of(first);
  seen.add(fingerprint.high, fingerprint.low);
  let frontier: { readonly node: Node; readonly id: number }[] = [{ node: first, id: 0 }];
  let transitions = 0;
  while (frontier.length > 0) {
    const next: typeof frontier = [];
    for (const { node: before, id } of frontier) {
      for (const [choice, step] of moves.of(before).entries()) {
        transitions += 1;
        const { node, broken } = judgeStep(before, step, scenario, gates);
        fingerprint.of(node);
        const isNew = seen.add(fingerprint.high, fingerprint.low);
        const stalled =
          !isNew && step.isWake && isSame(before, node) ? `law 3: ${step.name} changes nothing: it is due for ever` : undefined;
        if (broken !== undefined || stalled !== undefined) {
          const trace = [...traceOf(scenario, moves, parents, choices, id), step.name];
          return { states: seen.size, transitions, isComplete: false, violation: { broken: broken ?? stalled ?? '', trace } };
        }
        if (!isNew) continue;
        parents.push(id);
        choices.push(choice);
        next.push({ node, id: parents.length - 1 });
      }
      if (seen.size >= scenario.maxStates) return { states: seen.size, transitions, isComplete: false, violation: undefined };
    }
    frontier = next;
  }
  return { states: seen.size, transitions, isComplete: true, violation: undefined };
}

const [one, other] = [new Fingerprint(), new Fingerprint()];

function isSame(before: Node, after: Node): boolean {
  one.of(before);
  other.of(after);
  return one.high === other.high && one.low === other.low;
}

/** The names of the steps that lead to a state, found by going the way again. */
function traceOf(scenario: Scenario, moves: Moves, parents: readonly number[], choices: readonly number[], id: number): string[] {
  const path: number[] = [];
  for (let at = id; at > 0; at = parents[at] ?? 0) path.unshift(choices[at] ?? 0);
  const names: string[] = [];
  let node = firstNode(scenario);
  const gates = createGateOracle((at) => moves.contextAt(at));
  for (const choice of path) {
    const step = moves.of(node)[choice];
    if (step === undefined) break;
    names.push(step.name);
    node = judgeStep(node, step, scenario, gates).node;
  }
  return names;
}
