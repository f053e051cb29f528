import fc from 'fast-check';
import type { EscalationRung } from '../../src/domain/response.ts';
import type { Incident, TimelineEntry } from '../../src/domain/state.ts';
import { buildCheck, buildPlan, buildRule, buildVerify, condition, stubRemediation } from '../support/build-rule.ts';
import type { MemoryState } from '../support/memory-world.ts';
import { MINUTE, SECOND, Stage } from './stage.ts';

const HISTORIES = 400;
const LONGEST_HISTORY = 40;
const HOLD_MS = 15 * MINUTE;
/** Longer than any history: nothing ends by a timeout, so that only the moves change what a rung depends on. */
const FOREVER = 1_000 * MINUTE;

const CHECKED = buildVerify({
  checks: [
    buildCheck(
      stubRemediation('stub.look', 'read'),
      condition('output.ok', ({ output }) => output?.['ok'] === true),
    ),
  ],
  resolvedWithinMs: FOREVER,
});

const MOVES = ['fire', 'resolve', 'acknowledge', 'escalate', 'plan', 'act', 'fail', 'verify', 'cancel', 'crash', 'pass'] as const;

interface Move {
  readonly kind: (typeof MOVES)[number];
  readonly name: 'a' | 'b';
  readonly ms: number;
}

const anyMove: fc.Arbitrary<Move> = fc.record({
  kind: fc.constantFrom(...MOVES, 'pass' as const, 'fire' as const),
  name: fc.constantFrom('a' as const, 'b' as const),
  ms: fc.constantFrom(1 * SECOND, 50 * SECOND, 3 * MINUTE, 7 * MINUTE, 16 * MINUTE),
});

const anyLadder: fc.Arbitrary<readonly EscalationRung[]> = fc
  .array(
    fc.record({
      afterMs: fc.constantFrom(0, 1 * MINUTE, 5 * MINUTE, 6 * MINUTE, 15 * MINUTE, 21 * MINUTE),
      unless: fc.subarray(['acknowledged', 'verified'] as const),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((rungs) =>
    rungs.sort((a, b) => a.afterMs - b.afterMs).map((rung, index) => ({ ...rung, notify: { slack: `#rung${index}` } })),
  );

function play(stage: Stage, { kind, name, ms }: Move): void {
  const isUnderWay = (work: 'plan' | 'act' | 'check'): boolean => stage.underWay.includes(work);
  switch (kind) {
    case 'fire':
      return stage.fire({ name });
    case 'resolve':
      return stage.resolve({ name });
    case 'acknowledge':
      if (stage.state.incidents.length > 0) stage.acknowledge();
      return;
    case 'escalate':
      if (stage.state.incidents.length > 0) stage.say({ kind: 'escalate' });
      return;
    case 'plan':
      if (isUnderWay('plan')) stage.planned({ touches: [] });
      return;
    case 'act':
      if (isUnderWay('act')) stage.succeed('act');
      return;
    case 'fail':
      if (isUnderWay('plan')) stage.fail('plan', 'not_found');
      return;
    case 'verify':
      if (isUnderWay('check')) stage.check(true);
      return;
    case 'cancel': {
      const live = stage.state.runs.find(({ state }) => state !== 'ended');
      if (live !== undefined && stage.incident.status !== 'resolved') stage.cancel(live.id);
      return;
    }
    case 'crash':
      return stage.crash(ms);
    case 'pass':
      return stage.pass(ms);
  }
}

function isVerified(state: MemoryState, { id, firing }: Incident): boolean {
  const lines = state.lines.filter((line) => line.incidentId === id && line.firing > 0);
  return (
    firing > 0 &&
    lines.every(({ runId, episode }) => {
      const run = state.runs.find((candidate) => candidate.id === runId);
      return run?.outcome === 'verified' && run.lineEpisode === episode && !run.recurred;
    })
  );
}

/** The rungs that an entry of the story calls. */
function rungsOf({ text }: TimelineEntry): readonly number[] {
  return [...text.matchAll(/slack #rung(\d+)/g)].map(([, index]) => Number(index));
}

/** Watches a history: what was sent of each incident, and what was excused after it was due. */
class Observer {
  readonly #stage: Stage;
  readonly #ladder: readonly EscalationRung[];
  readonly #sent = new Map<string, Set<number>>();
  readonly #excused = new Map<string, Set<number>>();
  #seen = 0;

  constructor(stage: Stage, ladder: readonly EscalationRung[]) {
    this.#stage = stage;
    this.#ladder = ladder;
  }

  after(move: Move, play: () => void): void {
    const before = this.#stage.state;
    play();
    const news = this.#stage.timeline.slice(this.#seen).filter(({ kind }) => kind === 'escalated');
    this.#seen = this.#stage.timeline.length;
    for (const entry of news) {
      const incident = this.#stage.state.incidents.find(({ id }) => id === entry.incidentId);
      if (incident === undefined) throw new Error('an entry of no incident');
      const known = before.incidents.find(({ id }) => id === incident.id);
      const isTaken = known !== undefined && known.status !== 'triggered';
      for (const index of rungsOf(entry)) {
        const rung = this.#ladder[index];
        if (rung === undefined) throw new Error(`rung ${index} is not of this ladder`);
        const sent = setOf(this.#sent, incident.id);
        if (sent.has(index)) throw new Error(`rung ${index} is sent twice`);
        sent.add(index);
        const dueAt = incident.startedAt + rung.afterMs;
        if (entry.reason !== 'escalation_policy') {
          if (isTaken && move.kind !== 'escalate') throw new Error(`rung ${index} is sent by a machine though somebody has it`);
          continue;
        }
        if (entry.at < dueAt) throw new Error(`rung ${index} is sent before it is due`);
        if (isTaken && rung.unless.includes('acknowledged')) throw new Error(`rung ${index} is sent after the acknowledgement`);
        if (move.kind !== 'pass' || known === undefined) continue;
        const isAtWork = before.runs.some(
          ({ incidentId, state }) => incidentId === incident.id && (state === 'running' || state === 'verifying'),
        );
        if (isAtWork && rung.unless.includes('verified') && entry.at < dueAt + HOLD_MS)
          throw new Error(`rung ${index} does not wait for the run`);
        if (rung.unless.includes('verified') && isVerified(before, known))
          throw new Error(`rung ${index} is sent though all is verified`);
        const isQuarantined = before.runs.some((run) => run.incidentId === incident.id && run.quarantined);
        if (known.firing === 0 && !isQuarantined) throw new Error(`rung ${index} is sent though nothing fires`);
      }
    }
    for (const incident of this.#stage.state.incidents) this.#excuse(incident);
  }

  #excuse(incident: Incident): void {
    this.#ladder.forEach((rung, index) => {
      if (this.#stage.now < incident.startedAt + rung.afterMs) return;
      const isTaken = rung.unless.includes('acknowledged') && incident.acknowledgedAt !== null;
      if (isTaken || (rung.unless.includes('verified') && isVerified(this.#stage.state, incident)))
        setOf(this.#excused, incident.id).add(index);
    });
  }

  /** The rungs that an open incident still owes, of those that are due for longer than anything may hold them. */
  owed(incident: Incident): readonly number[] {
    return [...this.#ladder.keys()].filter((index) => {
      const dueAt = incident.startedAt + (this.#ladder[index]?.afterMs ?? 0);
      const isOver = setOf(this.#sent, incident.id).has(index) || setOf(this.#excused, incident.id).has(index);
      return dueAt + HOLD_MS <= this.#stage.now && !isOver;
    });
  }
}

function setOf(sets: Map<string, Set<number>>, key: string): Set<number> {
  const known = sets.get(key) ?? new Set<number>();
  sets.set(key, known);
  return known;
}

test('whatever happens, each rung is sent at most once, in its time, and never forgotten', () => {
  fc.assert(
    fc.property(anyLadder, fc.array(anyMove, { maxLength: LONGEST_HISTORY }), (ladder, moves) => {
      const plan = buildPlan({ rungs: ladder });
      const stage = new Stage([buildRule({ verify: CHECKED, timeoutMs: FOREVER, responseTo: () => plan })]);
      const observer = new Observer(stage, ladder);
      const last: readonly Move[] = [
        { kind: 'fire', name: 'a', ms: 0 },
        { kind: 'pass', name: 'a', ms: 60 * MINUTE },
      ];
      for (const move of [...moves, ...last]) {
        observer.after({ kind: 'pass', name: 'a', ms: 1 * SECOND }, () => stage.pass(1 * SECOND));
        observer.after(move, () => play(stage, move));
      }
      const { incident } = stage;
      expect(incident.firing).toBeGreaterThan(0);
      expect(observer.owed(incident)).toEqual([]);
      for (const each of stage.state.incidents) {
        const escalations = stage.timeline.filter(({ incidentId, kind }) => incidentId === each.id && kind === 'escalated');
        expect(each.escalationLevel).toBe(escalations.length);
      }
    }),
    { numRuns: HISTORIES },
  );
});
