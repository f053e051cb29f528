import { BOOT_HOLD_MS, LONG_DOWNTIME_MS } from '../timing.ts';
import { PROCEED, type Gate } from './gate.ts';

/** Holds while nobody can tell whether the alert really fires: a possible late copy, or the daemon was away too long. */
export const unconfirmed: Gate = {
  name: 'unconfirmed',
  forReads: false,
  overridable: true,
  approvable: true,
  judge({ run }, world, { now }) {
    const { bootAt, downtimeMs, reconciledAt } = world.switches;
    const bootHoldEnds = bootAt + BOOT_HOLD_MS;
    const isStale = downtimeMs > LONG_DOWNTIME_MS && run.createdAt < bootAt && (reconciledAt === null || reconciledAt < bootAt);
    if (isStale && now < bootHoldEnds) {
      return {
        verdict: 'hold',
        detail: `no daemon was running for ${Math.round(downtimeMs / 1000)} s; the alert may be over`,
        until: bootHoldEnds,
      };
    }
    const facts = run.lineId === null ? undefined : world.lineFacts(run.lineId);
    if (facts === undefined || facts.confirmed > 0 || facts.unconfirmedUntil === null || facts.unconfirmedUntil <= now)
      return PROCEED;
    return { verdict: 'hold', detail: 'it fired again with an old start: it may be a late copy', until: facts.unconfirmedUntil };
  },
};
