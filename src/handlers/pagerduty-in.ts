import type { Clock } from '../domain/clock.ts';
import { apiRoleOf } from '../domain/api-role-of.ts';
import { rolesOf } from '../domain/roles-of.ts';
import type { Settings } from '../domain/settings.ts';
import type { Incident } from '../domain/state.ts';
import type { Store } from '../domain/store.ts';
import type { Actor, Command, CommandAnswer } from '../pipeline/event.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { parsePagerDutyEvent, type PagerDutyAgent, type PagerDutyEvent } from './pagerduty-event.ts';
import { describeAct, describeActOfStranger, isCommand } from './pagerduty-words.ts';

/** What people in PagerDuty need of the daemon. */
export interface PagerDutyInDeps {
  readonly pipeline: Pick<Pipeline, 'apply' | 'isAccepting'>;
  readonly store: Pick<Store, 'transact' | 'bundle'>;
  readonly clock: Clock;
  /** As they are at this moment. */
  readonly settings: () => Pick<Settings, 'pagerduty' | 'people' | 'roles' | 'auth'>;
  readonly log: PagerDutyLog;
}

/** The log, as pino has it. */
export interface PagerDutyLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/**
 * Taken requests are remembered for 7 days. PagerDuty repeats a webhook for 48 h, so that an older one is a replay: signatures
 * carry no time. Nobody can replay for an incident that is younger than that what is not remembered.
 */
const MAX_AGE_MS = 6 * 24 * 60 * 60_000;

type Known = Extract<Command, { readonly kind: 'acknowledge' | 'resolve' | 'note' }>;

/** What people do in PagerDuty, done here once, however often it is delivered. */
export class PagerDutyIn {
  readonly #deps: PagerDutyInDeps;
  /** Deliveries of one event go one after the other, so that the later ones see what the first has done. */
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(deps: PagerDutyInDeps) {
    this.#deps = deps;
  }

  /**
   * Does what a genuine webhook says; resolves when it is on disk. What is not for us, or cannot be read, is logged and
   * done with. Throws when the store cannot take it now; what was not begun when the signal aborts is withdrawn.
   */
  async take(body: Buffer, signal: AbortSignal): Promise<void> {
    const { log } = this.#deps;
    const event = parsePagerDutyEvent(body);
    if ('ignored' in event) {
      if (event.isGarbled === true) log.warn({}, `a webhook of PagerDuty is ignored: ${event.ignored}`);
      else log.info({}, `a webhook of PagerDuty is ignored: ${event.ignored}`);
      return;
    }
    await this.#inTurn(event.id, () => this.#act(event, signal));
  }

  async #inTurn(id: string, work: () => Promise<void>): Promise<void> {
    const before = this.#underWay.get(id);
    const turn = (before ?? Promise.resolve()).catch(() => undefined).then(work);
    this.#underWay.set(id, turn);
    try {
      await turn;
    } finally {
      if (this.#underWay.get(id) === turn) this.#underWay.delete(id);
    }
  }

  async #act(event: PagerDutyEvent, signal: AbortSignal): Promise<void> {
    const incidents = await this.#incidentsOf(event.subject);
    if (incidents.length === 0)
      this.#deps.log.info({ subject: event.subject }, 'a webhook of PagerDuty is about an incident that is not here (any more)');
    const requestIds = incidents.map((incident) => requestIdOf(event, incident));
    const taken = new Set(await this.#deps.store.transact((tx) => tx.takenRequests(requestIds)));
    await Promise.all(
      incidents
        .filter((incident) => !taken.has(requestIdOf(event, incident)) && !this.#isReplay(event, incident))
        .map((incident) => this.#actOn(incident, event, signal)),
    );
  }

  #isReplay({ id, occurredAt }: PagerDutyEvent, { startedAt }: Incident): boolean {
    const since = this.#deps.clock.now() - MAX_AGE_MS;
    if (occurredAt >= since || startedAt >= since) return false;
    this.#deps.log.warn({ event_id: id }, 'a webhook of PagerDuty is ignored: it is days old, and may be a replay');
    return true;
  }

  /** The incident, or those of a bundle that are open. */
  async #incidentsOf(subject: string): Promise<readonly Incident[]> {
    const { store } = this.#deps;
    if (!subject.startsWith('bundle_')) return store.transact((tx) => tx.incidents([subject]));
    const { incidents } = await store.bundle(subject);
    return incidents.filter(({ status }) => status !== 'resolved');
  }

  async #actOn(incident: Incident, event: PagerDutyEvent, signal: AbortSignal): Promise<void> {
    const { pipeline } = this.#deps;
    const { actor, isKnown } = this.#actorOf(event.agent, requestIdOf(event, incident));
    const command = commandOf(incident, event, actor, isKnown);
    const answer = await pipeline.apply(command, { signal });
    if (answer?.ok !== false || command.kind === 'note' || isDoneAlready(command, incident)) return;
    await pipeline.apply(noteOfRefusal(command, event, answer), { signal });
  }

  /** Whoever is not configured may say something, and do nothing. */
  #actorOf(agent: PagerDutyAgent, requestId: string): { readonly actor: Actor; readonly isKnown: boolean } {
    const { people, roles, auth } = this.#deps.settings();
    const named = [...people].find(([, { pagerduty }]) => isOf(agent, pagerduty))?.[0];
    const person = named ?? `pagerduty:${agent.id}`;
    return {
      isKnown: named !== undefined,
      actor: {
        person,
        role: named === undefined ? 'viewer' : apiRoleOf(named, auth.tokens),
        roles: named === undefined ? [] : rolesOf(named, roles),
        via: 'pagerduty',
        requestId,
      },
    };
  }
}

/** One event may be about all incidents of a bundle. */
function requestIdOf({ id, subject }: PagerDutyEvent, incident: Incident): string {
  return subject === incident.id ? `pagerduty:${id}` : `pagerduty:${id}:${incident.id}`;
}

/** By the id; webhooks carry no e-mail address today, but one would be as good. */
function isOf({ id, email }: PagerDutyAgent, configured: string | undefined): boolean {
  if (configured === undefined) return false;
  return configured === id || configured.toLowerCase() === email?.toLowerCase();
}

function commandOf({ id: incidentId }: Incident, event: PagerDutyEvent, actor: Actor, isKnown: boolean): Known {
  if (!isKnown) return { kind: 'note', incidentId, text: describeActOfStranger(event), actor };
  if (!isCommand(event.act) || actor.role === 'viewer') return { kind: 'note', incidentId, text: describeAct(event), actor };
  return { kind: event.act === 'acknowledged' ? 'acknowledge' : 'resolve', incidentId, actor };
}

/** Nothing is worth a word of what a late webhook asks for and is so already. */
function isDoneAlready({ kind, actor }: Known, { status, acknowledgedBy }: Incident): boolean {
  return status === 'resolved' || (kind === 'acknowledge' && acknowledgedBy === actor.person);
}

function noteOfRefusal({ incidentId, actor }: Known, event: PagerDutyEvent, { text }: CommandAnswer): Known {
  return {
    kind: 'note',
    incidentId,
    text: `${describeAct(event)}, but not here: ${text}`,
    actor: { ...actor, ...(actor.requestId === undefined ? {} : { requestId: `${actor.requestId}:note` }) },
  };
}
