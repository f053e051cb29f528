import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../domain/clock.ts';
import type { Signal } from '../pipeline/event.ts';

const MAX_LISTENERS = 64;
/** A listener that does not read is let go; it may come again and read the state anew. */
const MAX_UNSENT_BYTES = 1_048_576;
const PING_INTERVAL_MS = 15_000;

/**
 * `GET /api/v1/events`: what happens to incidents and runs, as it happens, as server-sent events. Nothing is kept for
 * those who come later: they read the state first.
 */
export class RunEvents {
  readonly #clock: Clock;
  readonly #listeners = new Set<ServerResponse>();
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Tells all who listen what was committed. */
  publish(signals: readonly Signal[]): void {
    if (this.#listeners.size === 0) return;
    for (const signal of signals) {
      const event = viewSignal(signal);
      if (event === undefined) continue;
      this.#lastId += 1;
      this.#send(`id: ${this.#lastId}\nevent: ${event.name}\ndata: ${JSON.stringify(event.data)}\n\n`);
    }
  }

  /** Answers with the stream; 503 when too many listen. */
  listen(_request: IncomingMessage, response: ServerResponse): void {
    if (this.#listeners.size >= MAX_LISTENERS) {
      response.writeHead(503, { 'Content-Type': 'application/json; charset=utf-8', 'Retry-After': '30' });
      response.end(JSON.stringify({ error: { code: 'overloaded', message: `${MAX_LISTENERS} clients listen already` } }));
      return;
    }
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      Connection: 'close',
    });
    response.write(': listening\n\n');
    this.#listeners.add(response);
    const stopped = new AbortController();
    response.once('close', () => {
      this.#listeners.delete(response);
      stopped.abort();
    });
    void this.#ping(response, stopped.signal);
  }

  /** Ends all streams. */
  close(): void {
    for (const listener of this.#listeners) listener.end();
  }

  async #ping(response: ServerResponse, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const isOver = await this.#clock.sleep(PING_INTERVAL_MS, signal).then(
        () => false,
        () => true,
      );
      if (isOver) return;
      response.write(': ping\n\n');
    }
  }

  #send(text: string): void {
    for (const listener of this.#listeners) {
      if (listener.writableLength > MAX_UNSENT_BYTES) listener.destroy();
      else listener.write(text);
    }
  }
}

interface RunEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, string | number | null>>;
}

/** What people watch; what only counts in metrics is left out. */
function viewSignal(signal: Signal): RunEvent | undefined {
  switch (signal.kind) {
    case 'alert':
    case 'duplicate':
    case 'stale':
    case 'quarantined':
    case 'unmatched':
    case 'match':
    case 'scheduled_run':
    case 'message_without_place':
      return undefined;
    case 'gate':
      return {
        name: 'gate',
        data: {
          incident_id: signal.incidentId,
          run_id: signal.runId,
          rule: signal.rule,
          verdict: signal.verdict,
          reason: signal.reason,
        },
      };
    case 'run_started':
      return { name: 'run_started', data: { incident_id: signal.incidentId, run_id: signal.runId, rule: signal.rule } };
    case 'run_ended':
      return {
        name: 'run_ended',
        data: {
          incident_id: signal.incidentId,
          run_id: signal.runId,
          rule: signal.rule,
          outcome: signal.outcome,
          reason: signal.reason,
        },
      };
    case 'schedule_skipped':
      return {
        name: 'schedule_skipped',
        data: { run_id: signal.runId, rule: signal.rule, reason: signal.reason, count: signal.count },
      };
    case 'step':
      return {
        name: 'step',
        data: {
          run_id: signal.runId,
          step: signal.stepId,
          uses: signal.remediation,
          outcome: signal.outcome,
          error: signal.error ?? null,
        },
      };
    case 'approval':
      return { name: 'approval', data: { incident_id: signal.incidentId, run_id: signal.runId, state: signal.state } };
    case 'escalated':
      return { name: 'escalated', data: { incident_id: signal.incidentId, reason: signal.reason, text: signal.text } };
    case 'incident_opened':
      return { name: 'incident_opened', data: { incident_id: signal.incidentId, rule: signal.rule, severity: signal.severity } };
    case 'acknowledged':
      return { name: 'acknowledged', data: { incident_id: signal.incidentId } };
    case 'incident_closed':
      return { name: 'incident_closed', data: { incident_id: signal.incidentId, as: signal.as } };
  }
}
