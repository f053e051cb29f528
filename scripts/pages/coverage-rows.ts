/** A procedure of a system, in our words: what starts it and what is expected. */
export interface CoverageRow {
  readonly id: string;
  readonly when: string;
}

/** A system whose runbooks a rule pack answers. */
export interface CoveredSystem {
  /** Of the pack: `rules/NAME.yml`. */
  readonly pack: string;
  readonly title: string;
  readonly rows: readonly CoverageRow[];
}

const rows = (letter: string, whens: readonly string[]): readonly CoverageRow[] =>
  whens.map((when, index) => ({ id: `${letter}${index + 1}`, when }));

/** Every procedure that an alert, a clock or a person in chat can start. */
export const COVERED_SYSTEMS: readonly CoveredSystem[] = [
  {
    pack: 'dean',
    title: 'DEAN',
    rows: rows('D', [
      'The orchestrator is down; the second time within an hour people are called instead',
      'The database is down',
      'Redis is down',
      'Memory above 80 %',
      'Database connections are exhausted',
      'A service does not respond',
      'Slow responses, errors, CPU or disk over their limits',
      'Authentication fails',
      'An evolution cycle is stuck',
      'The token budget is low',
      'No patterns are discovered',
      'Every morning: is all well?',
      'Every night: backups, verified, kept for 30 days',
      'Every evening: the report of the day',
      'Weekly maintenance of database, log indices and patterns',
      'Monthly maintenance, and planned windows that mute automation',
      'A breach is suspected',
      'An attack by many requests',
      'Data has leaked: accounts and audit log',
      'A bad release',
      'Severities, response times and levels of escalation',
      'What the message of an incident says',
      'Everything is started in order',
    ]),
  },
  {
    pack: 'c0di3',
    title: 'Project C0Di3',
    rows: rows('C', [
      'Slow responses',
      'Too many errors',
      'CPU or memory over their limits',
      'Database connections run out',
      'Disks fill up',
      'The application does not start',
      'A database, a cache or an optional service is down',
      'Trouble with the cache',
      'Backups, maintenance and tests of restoring, by the clock',
      'The database is corrupt',
      'A breach',
      'Severities, and the way from detection to post-mortem',
    ]),
  },
  {
    pack: 'freeagentics',
    title: 'FreeAgentics',
    rows: rows('F', [
      'CPU, memory, errors, response time or disk over their limits',
      'Errors of the application',
      'The coordination of agents fails',
      'Connections, queue or cache are in trouble',
      'Severities with business hours',
      'Reporting an incident, and gathering what is known',
      'Mitigation by hand: scale, circuit breaker, reviewed fix',
      'What teams and customers are told, and when next',
      'Backups by the day and hour, and whether objectives are held',
      'Emergencies: read-only, lock down, isolate, shut down',
      'Security: failed logins, isolation, evidence',
      'Morning and evening checklists',
    ]),
  },
];
