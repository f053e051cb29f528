import { pino, type DestinationStream, type Logger } from 'pino';
import type { Signal } from './pipeline/event.ts';
import { printableJson, printableWhenDecoded } from './printable-log-line.ts';

export type { Logger } from 'pino';

/** The daemon's log: structured, one line an event, on standard output. A terminal obeys nothing of the texts in it. */
export async function createLogger(options: {
  readonly level: string;
  readonly format: 'json' | 'pretty';
  readonly destination?: DestinationStream;
}): Promise<Logger> {
  const settings = {
    level: options.level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { streamWrite: options.format === 'json' ? printableJson : printableWhenDecoded },
  };
  if (options.destination !== undefined) return pino(settings, options.destination);
  if (options.format === 'json') return pino(settings);
  const { PinoPretty } = await import('pino-pretty');
  return pino(settings, PinoPretty({ colorize: process.stdout.isTTY, ignore: 'pid,hostname' }));
}

/** Writes what the pipeline decided, with the ids to find it again. `error` means that a person must act. */
export function logSignals(log: Logger, signals: readonly Signal[]): void {
  for (const signal of signals) {
    switch (signal.kind) {
      case 'alert':
      case 'duplicate':
      case 'stale':
      case 'match':
        break;
      case 'quarantined':
        log.warn('an alert is malformed and was put into quarantine');
        break;
      case 'unmatched':
        log.debug('no rule takes an alert');
        break;
      case 'gate':
        log.info(
          {
            rule: signal.rule,
            run_id: signal.runId,
            incident_id: signal.incidentId,
            verdict: signal.verdict,
            reason: signal.reason,
          },
          'gates judged',
        );
        break;
      case 'run_started':
        log.info(
          { rule: signal.rule, run_id: signal.runId, incident_id: signal.incidentId, waited_ms: signal.waitedMs },
          'run started',
        );
        break;
      case 'run_ended':
        log.info(
          {
            rule: signal.rule,
            run_id: signal.runId,
            incident_id: signal.incidentId,
            outcome: signal.outcome,
            reason: signal.reason,
          },
          'run ended',
        );
        break;
      case 'scheduled_run':
        break;
      case 'schedule_skipped':
        log.warn(
          {
            rule: signal.rule,
            run_id: signal.runId,
            reason: signal.reason,
            detail: signal.detail,
            count: signal.count,
            due_at: new Date(signal.dueAt).toISOString(),
          },
          'a scheduled run was skipped',
        );
        break;
      case 'message_without_place':
        log.warn({ rule: signal.rule, run_id: signal.runId, text: signal.text }, 'a message has no place to go to');
        break;
      case 'step':
        log.info(
          {
            remediation: signal.remediation,
            run_id: signal.runId,
            step_id: signal.stepId,
            outcome: signal.outcome,
            duration_ms: signal.durationMs,
            error: signal.error,
          },
          'step ended',
        );
        break;
      case 'escalated':
        log.error({ incident_id: signal.incidentId, reason: signal.reason, detail: signal.text }, 'a person is needed');
        break;
      case 'approval':
        log.info({ run_id: signal.runId, incident_id: signal.incidentId, state: signal.state }, 'approval');
        break;
      case 'incident_opened':
        log.info({ incident_id: signal.incidentId, rule: signal.rule, severity: signal.severity }, 'incident opened');
        break;
      case 'acknowledged':
        log.info({ incident_id: signal.incidentId, after_ms: signal.afterMs }, 'incident acknowledged');
        break;
      case 'incident_closed':
        log.info({ incident_id: signal.incidentId, after_ms: signal.afterMs, as: signal.as }, 'incident closed');
        break;
    }
  }
}
