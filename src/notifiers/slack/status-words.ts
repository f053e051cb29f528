import type { IncidentPhase } from '../../domain/incident-phase.ts';
import type { Incident } from '../../domain/state.ts';

const PHASE_WORDS: Readonly<Record<IncidentPhase, string>> = {
  investigating: 'Investigating',
  identified: 'Identified',
  monitoring: 'Monitoring',
  resolved: 'Resolved',
};

/** The status of an incident as people say it; of a closed one also how it was closed. */
export function statusWords(incident: Incident, phase: IncidentPhase): string {
  if (phase !== 'resolved') return PHASE_WORDS[phase];
  switch (incident.closedAs) {
    case 'stale':
      return 'Closed as stale';
    case 'dismissed':
      return 'Dismissed';
    case 'resolved':
    case null:
      return PHASE_WORDS.resolved;
  }
}
