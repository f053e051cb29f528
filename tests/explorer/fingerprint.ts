import type { Approval, Run, StepRecord } from '../../src/domain/state.ts';
import { LONGEST_OVERTIME_MS } from './laws.ts';
import { keyOf } from './moves.ts';
import type { Node } from './model.ts';

/** Ages beyond this are all the same: no gate of a scenario looks further back. */
const OLDEST_MS = 900_000;
const NEVER = 0x7fff_fff1;

const numbers = new Map<unknown, number>();

/** A small number for a text, the same within this process. */
function numberOf(text: string | null): number {
  const known = numbers.get(text);
  if (known !== undefined) return known;
  numbers.set(text, numbers.size + 1);
  return numbers.size;
}

/**
 * The 64-bit fingerprint of what may still matter of a node. Instants count from now; what no decision and no law looks
 * at (stories, when a thing was opened, journals of ended runs) is left out. Ids count rows, so they need no renaming.
 */
export class Fingerprint {
  high = 0;
  low = 0;

  of(node: Node): this {
    this.high = 0x811c_9dc5 | 0;
    this.low = 0x5bd1_e995 | 0;
    const { now, rows, memory } = node;
    this.#mix(node.rules);
    for (const left of node.left) this.#mix(left);
    const { switches } = rows;
    this.#flag(switches.pausedAt !== null);
    this.#time(switches.stormSince, now);
    this.#time(switches.calmSince, now);
    this.#flag(switches.downtimeMs > 60_000);
    if (switches.downtimeMs > 60_000) this.#age(switches.bootAt, now, 90_000);
    this.#flag(switches.reconciledAt !== null && switches.reconciledAt >= switches.bootAt);
    for (const episode of rows.episodes) {
      if (!episode.current) continue;
      this.#text(episode.id);
      this.#text(episode.alertKey);
      this.#text(episode.status);
      this.#text(episode.closedBy);
      this.#flag(episode.suppressed);
      this.#flag(episode.previousEndsAt === null);
      this.#text(episode.rulesDigest);
      this.#time(episode.unconfirmedUntil, now);
      this.#time(episode.absentSince, now);
    }
    this.#mix(rows.members.length);
    for (const member of rows.members) {
      this.#text(member.incidentId);
      this.#text(member.episodeId);
    }
    for (const incident of rows.incidents) {
      this.#text(incident.id);
      this.#text(incident.status);
      this.#text(incident.closedAs);
      this.#mix(incident.firing);
      this.#flag(incident.notifyOnly);
      if (incident.status === 'resolved') continue;
      this.#time(incident.quietSince, now);
      this.#time(incident.wakeAt, now);
    }
    for (const line of rows.lines) {
      this.#text(line.id);
      this.#text(line.target);
      this.#mix(line.firing);
      this.#text(line.closedBy);
      this.#text(line.runId);
      this.#time(line.watchUntil, now);
    }
    for (const run of rows.runs) this.#run(run, node);
    for (const step of rows.steps) this.#step(step, node);
    for (const claim of rows.claims) {
      this.#text(claim.key);
      this.#text(claim.runId);
      this.#flag(claim.quarantined);
    }
    for (const breaker of rows.breakers) {
      this.#text(breaker.rule);
      this.#flag(breaker.openedAt !== null);
    }
    for (const approval of rows.approvals) this.#approval(approval, node);
    for (const { effect, until } of node.outstanding) {
      this.#text(keyOf(effect));
      this.#mix(until - now);
    }
    this.#mix(-1);
    for (const line of memory.told) this.#text(line);
    this.#mix(-2);
    for (const step of memory.mayHaveHappened) this.#text(step);
    this.#mix(-3);
    for (const [episode, run] of memory.acted) {
      this.#text(episode);
      this.#text(run);
    }
    this.#mix(-4);
    for (const { runId, address, identity, person, askedAt } of memory.allowed) {
      this.#text(runId);
      this.#text(address);
      this.#text(identity);
      this.#text(person);
      this.#flag(askedAt < now);
    }
    return this;
  }

  #approval(approval: Approval, { now, rows }: Node): void {
    if (rows.runs.find((run) => run.id === approval.runId)?.state === 'ended') return;
    this.#text(approval.runId);
    this.#text(approval.address);
    this.#text(approval.state);
    this.#flag(approval.askedAt < now);
    for (const { address, identity } of approval.intent) {
      this.#text(address);
      this.#text(JSON.stringify(identity));
    }
    for (const person of approval.approvedBy) this.#text(person);
    if (approval.state !== 'open') return;
    this.#time(approval.timeoutAt, now);
    this.#time(approval.expiresAt, now);
  }

  #run(run: Run, { now, rows }: Node): void {
    this.#text(run.id);
    this.#text(run.state);
    this.#flag(run.actingAt !== null);
    if (run.state === 'ended') {
      this.#text(run.outcome);
      this.#text(run.reason);
      this.#flag(run.quarantined);
      this.#flag(run.recurred);
      if (run.actingAt === null || run.endedAt === null) return;
      this.#age(run.endedAt, now, OLDEST_MS);
      for (const breaker of rows.breakers) if (breaker.rule === run.rule) this.#flag(run.endedAt > breaker.rearmedAt);
      return;
    }
    const line = rows.lines.find((candidate) => candidate.id === run.lineId);
    this.#mix((line?.episode ?? 0) - run.lineEpisode);
    this.#text(run.ruleDigest);
    this.#text(run.trigger);
    this.#text(run.reason);
    this.#mix(run.rung);
    this.#flag(run.rungActed);
    this.#flag(run.createdAt < rows.switches.bootAt);
    this.#time(run.wakeAt, now);
    this.#text(run.escalatedFor);
    if (run.escalatedFor === null) this.#time(run.heldSince, now);
    this.#age(run.delayFrom, now, 60_000);
    this.#flag(run.delayDone);
    this.#time(run.announcedAt, now);
    this.#flag(run.cancelWindowDone);
    this.#text(run.cancelledBy);
    this.#time(run.deadlineAt, now);
    this.#time(run.verifyDeadlineAt, now);
    this.#time(run.stableSince, now);
    this.#text(run.ending === null ? null : run.ending.outcome);
  }

  #step(step: StepRecord, { now, rows }: Node): void {
    if (rows.runs.find((run) => run.id === step.runId)?.state === 'ended') return;
    this.#text(step.runId);
    this.#text(step.address);
    this.#text(step.state);
    this.#text(step.stage);
    this.#mix(step.attempts);
    this.#text(step.plan === null ? null : JSON.stringify(step.plan.identity));
    this.#flag(step.actingAt !== null);
    this.#text(step.error === null ? null : step.error.code);
    if (step.state !== 'running') return;
    this.#time(step.wakeAt, now);
    this.#time(step.expectUntil, now);
    if (step.stage === 'waiting') this.#age(step.startedAt, now, OLDEST_MS);
  }

  #time(at: number | null, now: number): void {
    this.#mix(at === null ? NEVER : Math.max(at - now, -LONGEST_OVERTIME_MS - 1));
  }

  #age(at: number, now: number, oldestMs: number): void {
    this.#mix(Math.max(at - now, -oldestMs));
  }

  #flag(is: boolean): void {
    this.#mix(is ? 1 : 2);
  }

  #text(text: string | null): void {
    this.#mix(numberOf(text));
  }

  #mix(value: number): void {
    this.high = Math.imul(this.high ^ value, 0x0100_0193);
    this.high ^= this.high >>> 15;
    this.low = Math.imul(this.low ^ (value + 0x7f4a_7c15), 0x85eb_ca6b);
    this.low ^= this.low >>> 13;
  }
}
