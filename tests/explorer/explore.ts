import { Fingerprint } from './fingerprint.ts';
import { createApprovalOracle, createGateOracle, judgeStep, type ApprovalOracle, type GateOracle } from './laws.ts';
import type { Node, Scenario, Step } from './model.ts';
import { firstNode, Moves, type PlantedBug } from './moves.ts';
import { StateSet } from './state-set.ts';

/** A law that was broken, and the history that breaks it. */
export interface Violation {
  readonly broken: string;
  readonly trace: readonly string[];
}

export interface Explored {
  readonly states: number;
  readonly transitions: number;
  /** Whether there is no other state to look at. */
  readonly isComplete: boolean;
  readonly violation: Violation | undefined;
}

/** No random walk goes further than this. */
const LONGEST_WALK = 120;
/** Walks stop when they take more steps than this for each new state. */

const MOST_STEPS_FOR_A_STATE = 6;

/**
 * Looks at the states that can be reached, until a law is broken: first the nearest ones, so that a violation comes with
 * its shortest history, then far ones on random walks. The same scenario always gives the same walks.
 */
export function explore(scenario: Scenario, bug: PlantedBug = {}): Explored {
  const explorer = new Explorer(scenario, bug);
  const near = explorer.searchNear(scenario.nearStates);
  const isComplete = near === undefined && explorer.isComplete;
  const violation = near ?? (isComplete ? undefined : explorer.walkFar(scenario.nearStates + scenario.farStates));
  return { states: explorer.states, transitions: explorer.transitions, isComplete, violation };
}

class Explorer {
  transitions = 0;
  isComplete = false;
  readonly #first: Node;
  readonly #moves: Moves;
  readonly #gates: GateOracle;
  readonly #approvals: ApprovalOracle;
  readonly #seen = new StateSet();
  readonly #fingerprint = new Fingerprint();
  readonly #before = new Fingerprint();
  // How each near state was reached: from which one, and by which of the steps out of that.
  readonly #parents: number[] = [-1];
  readonly #choices: number[] = [0];

  constructor(scenario: Scenario, bug: PlantedBug) {
    this.#moves = new Moves(scenario, bug);
    this.#gates = createGateOracle((node) => this.#moves.contextAt(node));
    this.#approvals = createApprovalOracle((node) => this.#moves.contextAt(node));
    this.#first = firstNode(scenario);
    this.#add(this.#first);
  }

  get states(): number {
    return this.#seen.size;
  }

  searchNear(maxStates: number): Violation | undefined {
    let frontier: { readonly node: Node; readonly id: number }[] = [{ node: this.#first, id: 0 }];
    while (frontier.length > 0) {
      const next: typeof frontier = [];
      for (const { node: before, id } of frontier) {
        for (const [choice, step] of this.#moves.of(before).entries()) {
          const { node, broken, isNew } = this.#take(before, step);
          if (broken !== undefined) return { broken, trace: [...this.#traceOf(id), step.name] };
          if (!isNew) continue;
          this.#parents.push(id);
          this.#choices.push(choice);
          next.push({ node, id: this.#parents.length - 1 });
        }
        if (this.states >= maxStates) return undefined;
      }
      frontier = next;
    }
    this.isComplete = true;
    return undefined;
  }

  walkFar(maxStates: number): Violation | undefined {
    const random = createRandom(1);
    // Walks that find little new are not worth their time, and a small scenario has no more to find.
    const mostTransitions = this.transitions + (maxStates - this.states) * MOST_STEPS_FOR_A_STATE;
    while (this.states < maxStates && this.transitions < mostTransitions) {
      let node = this.#first;
      const trace: string[] = [];
      for (let length = 0; length < LONGEST_WALK; length += 1) {
        const around = this.#moves.of(node).map((step) => ({ step, ...this.#take(node, step) }));
        const broken = around.find((taken) => taken.broken !== undefined);
        if (broken?.broken !== undefined) return { broken: broken.broken, trace: [...trace, broken.step.name] };
        const chosen = around[Math.floor(random() * around.length)];
        if (chosen === undefined) break;
        trace.push(chosen.step.name);
        node = chosen.node;
      }
    }
    return undefined;
  }

  #take(before: Node, step: Step): { readonly node: Node; readonly broken: string | undefined; readonly isNew: boolean } {
    this.transitions += 1;
    const { node, broken } = judgeStep(before, step, this.#gates, this.#approvals);
    const isNew = this.#add(node);
    if (broken !== undefined || isNew || !step.isWake) return { node, broken, isNew };
    // A timer that leaves everything as it was, time included, fires for ever.
    this.#before.of(before);
    const isStuck = this.#before.high === this.#fingerprint.high && this.#before.low === this.#fingerprint.low;
    return { node, broken: isStuck ? `law 3: ${step.name} changes nothing: it is due for ever` : undefined, isNew };
  }

  #add(node: Node): boolean {
    this.#fingerprint.of(node);
    return this.#seen.add(this.#fingerprint.high, this.#fingerprint.low);
  }

  /** The names of the steps that lead to a near state, found by going the way again. */
  #traceOf(id: number): string[] {
    const path: number[] = [];
    for (let at = id; at > 0; at = this.#parents[at] ?? 0) path.unshift(this.#choices[at] ?? 0);
    const names: string[] = [];
    let node = this.#first;
    for (const choice of path) {
      const step = this.#moves.of(node)[choice];
      if (step === undefined) break;
      names.push(step.name);
      node = judgeStep(node, step, this.#gates, this.#approvals).node;
    }
    return names;
  }
}

/** Numbers from 0 to 1 that look random and are the same every time (a linear congruential generator). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
