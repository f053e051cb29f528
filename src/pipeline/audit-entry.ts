import type { JsonObject } from '../domain/json.ts';
import type { AuditEntry } from '../domain/state.ts';
import { REPORTED_NAME } from '../domain/reported-alert.ts';
import type { Command, CommandAnswer } from './event.ts';

/** What the audit log keeps of a command, also of one that was refused. */
export function auditEntry(event: Command, answer: CommandAnswer, at: number): AuditEntry {
  const { person, via } = event.actor;
  return {
    at,
    person,
    via,
    action: event.kind === 'recorded' ? event.action : event.kind,
    subject: subjectOf(event),
    details: detailsOf(event),
    ok: answer.ok,
    text: answer.text,
  };
}

function subjectOf(event: Command): string {
  switch (event.kind) {
    case 'pause':
    case 'resume':
      return 'daemon';
    case 'rearm':
    case 'run_by_hand':
      return event.rule;
    case 'report':
      return REPORTED_NAME;
    case 'recorded':
      return event.subject;
    case 'cancel':
    case 'approve':
    case 'reject':
    case 'retry':
      return event.runId ?? event.incidentId ?? '';
    case 'acknowledge':
    case 'resolve':
    case 'escalate':
    case 'note':
    case 'set':
      return event.incidentId;
  }
}

function detailsOf(event: Command): JsonObject {
  switch (event.kind) {
    case 'retry':
      return { override: event.override ?? null, reason: event.reason ?? null };
    case 'approve':
    case 'reject':
      return { approval: event.approvalId ?? null, intent_digest: event.intentDigest ?? null, reason: event.reason ?? null };
    case 'escalate':
      return { reason: event.reason ?? null };
    case 'note':
      return { text: event.text };
    case 'set':
      return { fields: { ...event.fields } };
    case 'run_by_hand':
      return { params: event.params, target: event.target ?? null };
    case 'report': {
      const [alert] = event.batch.alerts;
      return { labels: { ...alert?.labels }, summary: alert?.annotations['summary'] ?? '' };
    }
    case 'recorded':
      return event.details;
    case 'pause':
      return { for_ms: event.forMs ?? null, reason: event.reason ?? null };
    case 'acknowledge':
    case 'cancel':
    case 'resolve':
    case 'resume':
    case 'rearm':
      return {};
  }
}
