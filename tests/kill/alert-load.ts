import { setTimeout as delay } from 'node:timers/promises';
import { firingAlert, resolvedAlert, webhookBody, type WebhookAlert } from '../support/daemon-webhook.ts';
import { LANES, WEBHOOK_TOKEN } from './killable-daemon.ts';

const SENDERS = 4;
/** Between two webhooks of a sender: work is to be under way all the time, not to pile up. */
const PAUSE_MS = 25;
/** Alertmanager waits before it repeats; so do senders that were not answered. */
const RETRY_MS = 40;

/** An alert, and the last status that the daemon promised to have on disk. */
export interface SentAlert {
  readonly alert: WebhookAlert;
  readonly accepted: 'firing' | 'resolved';
  /** How often it began to fire, in accepted webhooks. */
  readonly episodes: number;
}

/** Webhooks of several senders: new alerts, repeats, ends, and alerts that fire again; each is sent until it gets its 202. */
export class AlertLoad {
  readonly #url: string;
  readonly #sent = new Map<string, SentAlert>();
  readonly #senders: Promise<void>[] = [];
  #accepted = 0;
  #unanswered = 0;
  #isStopping = false;
  #isAbandoned = false;

  constructor(url: string) {
    this.#url = url;
  }

  start(): void {
    for (let sender = 0; sender < SENDERS; sender += 1) this.#senders.push(this.#send(sender));
  }

  /** Resolves when every webhook that was begun has its 202. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#senders);
  }

  /** Ends it although webhooks have no 202 yet. */
  abandon(): void {
    this.#isStopping = true;
    this.#isAbandoned = true;
  }

  get alerts(): readonly SentAlert[] {
    return [...this.#sent.values()];
  }

  /** Webhooks with 202, and attempts that got another answer or none. */
  get counts(): { readonly accepted: number; readonly unanswered: number } {
    return { accepted: this.#accepted, unanswered: this.#unanswered };
  }

  async #send(sender: number): Promise<void> {
    const own: string[] = [];
    for (let number = 0; !this.#isStopping; number += 1) {
      const alerts = this.#choose(own, `${String(sender)}-${String(number)}`);
      while (!(await this.#post(alerts))) {
        if (this.#isAbandoned) return;
        await delay(RETRY_MS);
      }
      this.#accepted += 1;
      for (const alert of alerts) this.#remember(alert, own);
      await delay(PAUSE_MS * 2 * Math.random());
    }
  }

  #choose(own: readonly string[], name: string): readonly WebhookAlert[] {
    const dice = Math.random();
    const picked = this.#sent.get(own[Math.floor(Math.random() * own.length)] ?? '');
    if (picked === undefined || dice < 0.4)
      return Array.from({ length: 1 + Math.floor(Math.random() * 3) }, (_, index) => newAlert(`${name}-${String(index)}`));
    if (picked.accepted === 'resolved') return [dice < 0.6 ? picked.alert : { ...firingAlert(picked.alert.labels) }];
    return [dice < 0.6 ? picked.alert : resolvedAlert(picked.alert)];
  }

  async #post(alerts: readonly WebhookAlert[]): Promise<boolean> {
    try {
      const response = await fetch(`${this.#url}/webhooks/alertmanager`, {
        method: 'POST',
        headers: { authorization: `Bearer ${WEBHOOK_TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify(webhookBody(alerts)),
      });
      if (response.status === 202) return true;
      if (response.status < 500)
        throw new RangeError(`a webhook was dropped: ${String(response.status)} ${await response.text()}`);
      await response.arrayBuffer();
    } catch (error) {
      if (error instanceof RangeError) throw error;
    }
    this.#unanswered += 1;
    return false;
  }

  #remember(alert: WebhookAlert, own: string[]): void {
    const id = alert.labels['id'] ?? '';
    const before = this.#sent.get(id);
    if (before === undefined) own.push(id);
    const begins = alert.status === 'firing' && before?.accepted !== 'firing';
    this.#sent.set(id, { alert, accepted: alert.status, episodes: (before?.episodes ?? 0) + (begins ? 1 : 0) });
  }
}

function newAlert(id: string): WebhookAlert {
  const alertname = Math.random() < 0.5 ? 'KillHttp' : 'KillProgram';
  return firingAlert({ alertname, id, lane: `lane-${String(Math.floor(Math.random() * LANES))}` });
}
