import { PROCEED, type Gate } from './gate.ts';

/** Suppresses runs of an incident that a person has taken; `retry` runs it anyway. */
export const acknowledged: Gate = {
  name: 'acknowledged',
  forReads: false,
  overridable: true,
  judge({ run, incident }) {
    if (run.trigger === 'retry' || incident?.acknowledgedAt == null) return PROCEED;
    return { verdict: 'suppress', detail: `${incident.acknowledgedBy ?? 'somebody'} has taken the incident` };
  },
};
