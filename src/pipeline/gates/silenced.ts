import { PROCEED, type Gate } from './gate.ts';

/** Holds while Alertmanager says that every firing alert of the line is silenced or inhibited. */
export const silenced: Gate = {
  name: 'silenced',
  forReads: false,
  overridable: false,
  judge({ run }, world) {
    const facts = run.lineId === null ? undefined : world.lineFacts(run.lineId);
    if (facts === undefined || facts.firing === 0 || facts.unsuppressed > 0) return PROCEED;
    return { verdict: 'hold', detail: 'all its alerts are silenced or inhibited in Alertmanager' };
  },
};
