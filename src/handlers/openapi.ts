import { INCIDENT_PHASES } from '../domain/incident-phase.ts';
import { SKIP_REASONS, TRIGGERS } from '../domain/state.ts';

const text = { type: 'string' } as const;
const nullableText = { type: ['string', 'null'] } as const;
const instant = { type: 'string', format: 'date-time' } as const;
const nullableInstant = { type: ['string', 'null'], format: 'date-time' } as const;
const count = { type: 'integer', minimum: 0 } as const;
const labels = { type: 'object', additionalProperties: text } as const;
const anyObject = { type: 'object' } as const;

/** An object that always has exactly these members. */
function shape<P extends Readonly<Record<string, object>>>(properties: P) {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false } as const;
}

function listOf<S extends object>(items: S) {
  return { type: 'array', items } as const;
}

function ref(name: string) {
  return { $ref: `#/components/schemas/${name}` } as const;
}

/** A body of optional members. */
function input(properties: Readonly<Record<string, object>>) {
  return { content: { 'application/json': { schema: { type: 'object', properties, additionalProperties: false } } } } as const;
}

function answer(description: string, schema: object) {
  return { description, content: { 'application/json': { schema } } } as const;
}

const failures = { default: answer('Refused: `error.code` for programs, `error.message` for people.', ref('Error')) };
const done = { '200': answer('Done.', ref('Done')), ...failures };
const idParameter = { name: 'id', in: 'path', required: true, schema: text } as const;
const secured = [{ token: [] }];

function read(summary: string, schema: object, parameters: readonly object[] = []) {
  return { summary, security: [...secured, {}], parameters, responses: { '200': answer('Found.', schema), ...failures } };
}

function command(
  summary: string,
  properties: Readonly<Record<string, object>> = {},
  parameters: readonly object[] = [idParameter],
) {
  return { summary, security: secured, parameters, requestBody: input(properties), responses: done };
}

function query(name: string, schema: object, description: string) {
  return { name, in: 'query', schema, description } as const;
}

const counts = { type: 'object', additionalProperties: count } as const;
const took = {
  type: ['object', 'null'],
  properties: { count, mean_seconds: count, median_seconds: count, longest_seconds: count },
} as const;
const effect = {
  runs: count,
  acted: count,
  outcomes: counts,
  recurred: count,
  fixed_by: listOf(count),
  effectiveness: { type: ['number', 'null'], minimum: 0, maximum: 1 },
  suppressed: counts,
  held: counts,
  incidents: count,
  paged: count,
  pages_avoided: count,
  time_to_acknowledge: took,
  time_to_resolve: shape({ automated: took, by_people: took }),
} as const;
const report = shape({
  since: instant,
  until: instant,
  total: shape(effect),
  rules: listOf(
    shape({
      rule: text,
      ...effect,
      objectives: shape({
        rto: {
          type: ['object', 'null'],
          properties: { seconds: { type: 'number' }, missed: count, held: { type: 'boolean' } },
        },
        rpo: {
          type: ['object', 'null'],
          properties: {
            seconds: { type: 'number' },
            longest_gap_seconds: count,
            last_success_at: nullableInstant,
            held: { type: 'boolean' },
          },
        },
      }),
    }),
  ),
  targets: listOf(
    shape({
      target: text,
      rules: listOf(text),
      acted: count,
      verified: count,
      recurred: count,
      last_acted_at: instant,
      needs_a_fix: { type: 'boolean' },
    }),
  ),
});

const step = shape({
  id: text,
  uses: text,
  state: { enum: ['pending', 'running', 'succeeded', 'failed', 'skipped', 'unknown'] },
  attempts: count,
  plan: {
    oneOf: [
      { type: 'null' },
      shape({ summary: text, identity: anyObject, touches: listOf(text), count: { type: ['integer', 'null'] } }),
    ],
  },
  output: { type: ['object', 'null'] },
  error: { oneOf: [{ type: 'null' }, shape({ code: text, message: text })] },
});

const run = shape({
  id: text,
  rule: text,
  target: text,
  trigger: { enum: TRIGGERS },
  playbook: nullableText,
  state: { enum: ['pending', 'held', 'running', 'verifying', 'ended'] },
  outcome: {
    enum: [
      'verified',
      'completed',
      'ineffective',
      'inconclusive',
      'failed',
      'interrupted',
      'cancelled',
      'suppressed',
      'self_resolved',
      null,
    ],
  },
  reason: nullableText,
  intent_digest: nullableText,
  approval: {
    oneOf: [
      { type: 'null' },
      shape({
        state: { enum: ['open', 'approved', 'rejected', 'void', 'expired'] },
        why: text,
        roles: listOf(text),
        count,
        approved_by: listOf(text),
        decided_by: nullableText,
        asked_at: instant,
        timeout_at: instant,
        expires_at: instant,
        intent: listOf(shape({ step: text, uses: text, summary: text })),
      }),
    ],
  },
  started_at: nullableInstant,
  ended_at: nullableInstant,
  steps: listOf(ref('Step')),
});

const alert = shape({
  status: { enum: ['firing', 'resolved'] },
  labels,
  annotations: labels,
  starts_at: text,
  ends_at: nullableText,
  source: text,
  target: nullableText,
  fingerprint: text,
  generator_url: text,
});

const timelineEntry = shape({ at: instant, kind: text, reason: nullableText, text, actor: nullableText });

const incident = shape({
  id: text,
  rule: text,
  status: { enum: ['triggered', 'acknowledged', 'resolved'] },
  phase: { enum: INCIDENT_PHASES },
  severity: text,
  labels,
  started_at: instant,
  acknowledged_at: nullableInstant,
  acknowledged_by: nullableText,
  resolved_at: nullableInstant,
  escalation_level: count,
  truncated_alerts: count,
  fields: labels,
  update_due_at: nullableInstant,
  alerts: listOf(ref('Alert')),
  runs: listOf(ref('Run')),
  timeline: listOf(ref('TimelineEntry')),
});

const breaker = shape({
  rule: text,
  state: { enum: ['open', 'closed'] },
  opened_at: nullableInstant,
  rearmed_at: nullableInstant,
  rearmed_by: nullableText,
});

const runDetail = shape({ ...run.properties, timeline: listOf(ref('TimelineEntry')) });

const schedule = shape({
  cron: text,
  timezone: text,
  next_run: nullableInstant,
  live_run_id: nullableText,
  last_run: { oneOf: [{ type: 'null' }, shape({ id: text, at: nullableInstant, outcome: nullableText })] },
  last_skip: { oneOf: [{ type: 'null' }, shape({ at: instant, reason: { enum: [...SKIP_REASONS, null] } })] },
});

const rule = shape({
  name: text,
  description: text,
  runbook_url: nullableText,
  file: text,
  matchers: listOf(text),
  mode: { enum: ['observe', 'approve', 'auto'] },
  target: nullableText,
  schedule: { oneOf: [{ type: 'null' }, ref('Schedule')] },
  outcomes: { type: 'object', additionalProperties: count },
  breaker: ref('Breaker'),
});

const status = shape({
  version: text,
  accepting: { type: 'boolean' },
  store: shape({ ok: { type: 'boolean' }, error: nullableText }),
  rules_loaded: count,
  last_reload: shape({ at: instant, ok: { type: 'boolean' }, problems: listOf(text) }),
  last_webhook_at: nullableInstant,
  paused: { type: ['boolean', 'null'] },
  pause: { oneOf: [{ type: 'null' }, shape({ at: instant, until: nullableInstant, by: nullableText, reason: nullableText })] },
  storm_since: nullableInstant,
  reconciled_at: nullableInstant,
  booted_at: nullableInstant,
  downtime_seconds: { type: ['number', 'null'] },
  counts: {
    oneOf: [
      { type: 'null' },
      shape({
        open_incidents: listOf(shape({ status: text, severity: text, count })),
        runs_active: count,
        runs_held: listOf(shape({ reason: text, count })),
        breakers_open: count,
      }),
    ],
  },
});

/** The API in OpenAPI 3.1. A test compares it with the routes and with what they answer. */
export const openApi = {
  openapi: '3.1.0',
  info: {
    title: 'remedyd',
    version: '1',
    description: 'Incidents, runs, rules and switches of remedyd. Instants are RFC 3339 in UTC.',
  },
  paths: {
    '/api/v1/incidents': {
      get: read('Incidents, the newest first.', shape({ incidents: listOf(ref('Incident')), next_cursor: nullableText }), [
        query('status', { enum: ['triggered', 'acknowledged', 'resolved', 'open'] }, 'Only these.'),
        query('rule', text, 'Only those of this rule.'),
        query('cursor', text, '`next_cursor` of the page before.'),
        query('limit', { type: 'integer', minimum: 1, maximum: 100, default: 20 }, 'How many on a page.'),
      ]),
      post: {
        summary: 'Reports something: an alert named `Reported` with these labels, which rules may match.',
        security: secured,
        requestBody: input({ labels, summary: text }),
        responses: { '201': answer('Reported.', shape({ incidents: listOf(ref('Incident')), text })), ...failures },
      },
    },
    '/api/v1/incidents/{id}': { get: read('One incident.', ref('Incident'), [idParameter]) },
    '/api/v1/incidents/{id}/ack': { post: command('Takes the incident: automation that has not started yields.') },
    '/api/v1/incidents/{id}/cancel': {
      post: command('Ends a live run, or lifts the quarantine of an interrupted one.', { run: text }),
    },
    '/api/v1/incidents/{id}/retry': {
      post: command('Runs it again, or lets a held run skip one gate (role admin, with a reason).', {
        run: text,
        override: text,
        reason: text,
      }),
    },
    '/api/v1/incidents/{id}/resolve': { post: command('Says that it is over; alerts that fire are dismissed.') },
    '/api/v1/incidents/{id}/approve': {
      post: command('Allows the one run of the incident that waits for people.', {
        run: text,
        intent_digest: text,
        reason: text,
      }),
    },
    '/api/v1/incidents/{id}/reject': {
      post: command('Refuses the one run of the incident that waits for people.', {
        run: text,
        intent_digest: text,
        reason: text,
      }),
    },
    '/api/v1/incidents/{id}/escalate': { post: command('Calls the next people of the escalation policy.', { reason: text }) },
    '/api/v1/incidents/{id}/note': { post: command('Adds a note to the story.', { text }) },
    '/api/v1/incidents/{id}/set': {
      post: command("Sets lines of the incident's message; null takes one away.", {
        fields: { type: 'object', additionalProperties: nullableText },
      }),
    },
    '/api/v1/incidents/{id}/post-mortem': {
      get: read('A draft of its post-mortem, in Markdown.', shape({ markdown: text }), [idParameter]),
    },
    '/api/v1/incidents/{id}/customer-message': {
      get: read(
        "The rule's text for customers in the incident's phase; null where it has none.",
        shape({ phase: { enum: INCIDENT_PHASES }, text: nullableText }),
        [idParameter],
      ),
    },
    '/api/v1/runs': {
      post: command('Starts a rule by hand, where it says `manual`.', { rule: text, params: anyObject, target: text }, []),
    },
    '/api/v1/runs/{id}': { get: read('One run.', ref('RunDetail'), [idParameter]) },
    '/api/v1/runs/{id}/cancel': { post: command('Ends the run, or lifts its quarantine.') },
    '/api/v1/runs/{id}/approve': {
      post: command('Allows what was seen: `intent_digest` of the run.', { intent_digest: text, reason: text }),
    },
    '/api/v1/runs/{id}/reject': {
      post: command('Refuses it; nothing further happens in this episode.', { intent_digest: text, reason: text }),
    },
    '/api/v1/rules': { get: read('The rules that are live, in their order.', shape({ rules: listOf(ref('Rule')) })) },
    '/api/v1/breakers': { get: read('The breakers of all rules.', shape({ breakers: listOf(ref('Breaker')) })) },
    '/api/v1/breakers/{rule}/rearm': {
      post: command('Re-arms a breaker that is open.', {}, [{ name: 'rule', in: 'path', required: true, schema: text }]),
    },
    '/api/v1/notifications': {
      get: read('What places were told and are owed, the newest first.', shape({ notifications: listOf(ref('Notification')) }), [
        query('state', { enum: ['dead', 'waiting'] }, 'Only those that were given up, or only those that are owed something.'),
        query('incident', text, 'Only those of this incident.'),
        query('limit', { type: 'integer', minimum: 1, maximum: 500, default: 100 }, 'How many.'),
      ]),
    },
    '/api/v1/notifications/{id}/retry': {
      post: command('Has a message tried again now, also one that was given up.'),
    },
    '/api/v1/audit': {
      get: read(
        'Who did what, the newest first.',
        shape({ entries: listOf(ref('AuditEntry')), next_before: { type: ['integer', 'null'] } }),
        [
          query('before', { type: 'integer', minimum: 1 }, '`next_before` of the page before.'),
          query('limit', { type: 'integer', minimum: 1, maximum: 500, default: 100 }, 'How many.'),
        ],
      ),
    },
    '/api/v1/status': { get: read('How the daemon is.', ref('Status')) },
    '/api/v1/report': {
      get: read('How effective the rules were.', { oneOf: [ref('Report'), shape({ markdown: text })] }, [
        query('since', { type: 'string', default: '7d' }, 'How far back, as a duration.'),
        query('format', { enum: ['json', 'markdown'], default: 'json' }, 'For programs, or as a text for people.'),
      ]),
    },
    '/api/v1/pause': {
      post: command(
        'Starts nothing new, until resumed or for a duration.',
        { for: { ...text, examples: ['4h'] }, reason: text },
        [],
      ),
    },
    '/api/v1/resume': { post: command('Ends a pause.', {}, []) },
    '/api/v1/events': {
      get: {
        summary: 'What happens to incidents and runs, as it happens.',
        security: [...secured, {}],
        responses: {
          '200': { description: 'Server-sent events.', content: { 'text/event-stream': { schema: text } } },
          ...failures,
        },
      },
    },
    '/api/openapi.json': { get: read('This description.', anyObject) },
    '/-/reload': { post: { summary: 'Loads rules and configuration anew.', security: secured, responses: done } },
  },
  components: {
    securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    schemas: {
      Error: shape({ error: shape({ code: text, message: text }) }),
      Done: shape({ text, data: {} }),
      AuditEntry: shape({
        position: count,
        at: instant,
        person: text,
        via: { enum: ['api', 'slack', 'pagerduty', 'daemon'] },
        action: text,
        subject: text,
        details: anyObject,
        ok: { type: 'boolean' },
        text,
        hash: text,
      }),
      Notification: shape({
        id: text,
        incident: nullableText,
        channel: { enum: ['slack', 'pagerduty'] },
        place: text,
        purpose: { enum: ['message', 'page', 'bundle', 'notice'] },
        state: { enum: ['dead', 'waiting', 'told'] },
        bundle: nullableText,
        created_at: instant,
        next_try_at: nullableInstant,
        attempts: count,
        error: nullableText,
      }),
      Report: report,
      Step: step,
      Run: run,
      Alert: alert,
      TimelineEntry: timelineEntry,
      Incident: incident,
      Breaker: breaker,
      Rule: rule,
      Schedule: schedule,
      RunDetail: runDetail,
      Status: status,
    },
  },
};
