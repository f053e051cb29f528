import type { SeveritySetting } from '../domain/settings.ts';

/** The scale when none is configured: by the label `severity`, with the words that are common. */
export const DEFAULT_SEVERITIES: readonly SeveritySetting[] = [
  level('P1', 'severity = "critical"'),
  level('P2', 'severity =~ "high|error|major"'),
  level('P3', 'severity = "warning"'),
  level('P4', 'alertname =~ ".*"'),
];

function level(name: string, matcher: string): SeveritySetting {
  return { name, matchers: [matcher], activeTimeIntervals: [], notify: {}, postMortem: false };
}
