import type { AlertBatch, AlertMessage } from '../domain/alert.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import type { GateName, Outcome } from '../domain/reason.ts';
import type { Look, Plan, RemediationCallInput } from '../domain/remediation.ts';
import type { ActorEdge, IntendedStep, SkipReason, StepFailure } from '../domain/state.ts';

/** An alert with its identity and what the rules say of it. Matching needs no state, so it is done before the reducer. */
export interface CorrelatedAlert {
  readonly alertKey: string;
  readonly message: AlertMessage;
  readonly matches: readonly AlertMatch[];
}

/** A rule that takes an alert, and where in its incidents the alert belongs. */
export interface AlertMatch {
  readonly rule: string;
  readonly groupKey: string;
  readonly groupLabels: AlertBatch['groupLabels'];
  readonly severity: { readonly name: string; readonly rank: number };
  /** Absent when the rule has no steps; `missing` says why it could not be rendered. */
  readonly target: { readonly value: string } | { readonly missing: string } | undefined;
}

/** What a check of `verify` gave, or why it gave nothing. */
export type CheckResult = { readonly output: JsonObject } | { readonly error: StepFailure };

/** A person, as far as the edge can tell. */
export interface Actor {
  readonly person: string;
  readonly role: 'viewer' | 'responder' | 'admin';
  /** The configured roles that the person has. */
  readonly roles: readonly string[];
  readonly via: ActorEdge;
  /** The request from outside that said it: one that was taken already is refused. */
  readonly requestId?: string;
}

export type StepResult = { readonly output: JsonObject } | { readonly error: StepFailure };

/** Everything that can happen to the pipeline. The reducer decides; it never asks the outside. */
export type PipelineEvent =
  | { readonly kind: 'alerts'; readonly batch: AlertBatch; readonly alerts: readonly CorrelatedAlert[] }
  | {
      /** A person saw something that no alert says. */
      readonly kind: 'report';
      readonly batch: AlertBatch;
      readonly alerts: readonly CorrelatedAlert[];
      readonly actor: Actor;
    }
  | { readonly kind: 'wake_run'; readonly runId: string }
  | { readonly kind: 'wake_incident'; readonly incidentId: string }
  | { readonly kind: 'tick' }
  | { readonly kind: 'planned'; readonly runId: string; readonly address: string; readonly attempt: number; readonly plan: Plan }
  | {
      readonly kind: 'step_ended';
      readonly runId: string;
      readonly address: string;
      readonly attempt: number;
      readonly result: StepResult;
      readonly plan?: Plan;
    }
  | { readonly kind: 'looked'; readonly runId: string; readonly address: string; readonly attempt: number; readonly look: Look }
  | { readonly kind: 'checked'; readonly runId: string; readonly rung: number; readonly results: readonly CheckResult[] }
  | { readonly kind: 'previewed'; readonly runId: string; readonly steps: readonly PreviewedStep[] }
  | {
      /** A step says something: where the run's incident is told, or else where its rule's messages go. */
      readonly kind: 'message';
      readonly runId: string;
      /** Of the step: what it says is told once, however often it is repeated. */
      readonly address: string;
      readonly text: string;
    }
  /** A tick of some rule is due. */
  | { readonly kind: 'scheduled' }
  | { readonly kind: 'recovered'; readonly runId: string }
  | { readonly kind: 'rules_changed' }
  | { readonly kind: 'reconciled'; readonly looks: readonly AlertLook[]; readonly complete: boolean }
  | { readonly kind: 'stale'; readonly alertKeys: readonly string[] }
  | { readonly kind: 'acknowledge'; readonly incidentId: string; readonly actor: Actor }
  | { readonly kind: 'cancel'; readonly incidentId: string | null; readonly runId?: string; readonly actor: Actor }
  | {
      readonly kind: 'approve' | 'reject';
      readonly incidentId: string | null;
      readonly runId?: string;
      /** The question that the person saw; an answer to an older one is refused. */
      readonly approvalId?: string;
      readonly intentDigest?: string;
      /** The person saw a gate that holds the run, and no question: none is answered by it. */
      readonly isAtGate?: true;
      readonly reason?: string;
      readonly actor: Actor;
    }
  | { readonly kind: 'escalate'; readonly incidentId: string; readonly reason?: string; readonly actor: Actor }
  | { readonly kind: 'note'; readonly incidentId: string; readonly text: string; readonly actor: Actor }
  | {
      readonly kind: 'set';
      readonly incidentId: string;
      /** Lines of the incident's message; null takes one away. */
      readonly fields: Readonly<Record<string, string | null>>;
      readonly actor: Actor;
    }
  | {
      readonly kind: 'run_by_hand';
      readonly rule: string;
      readonly params: JsonObject;
      /** Where the rule's own target needs labels that a hand has not. */
      readonly target?: string;
      readonly actor: Actor;
    }
  | {
      /** A delivery gave a message up. */
      readonly kind: 'undeliverable';
      readonly notificationId: string;
      readonly incidentId: string;
      readonly place: string;
      readonly error: string;
      /** Whether another place may do. */
      readonly isPlaceAtFault: boolean;
    }
  | {
      readonly kind: 'foreseen';
      readonly runId: string;
      readonly address: string;
      readonly attempt: number;
      /** The changing steps after it, as far as they can be planned now. */
      readonly steps: readonly IntendedStep[];
    }
  | {
      readonly kind: 'retry';
      readonly incidentId: string;
      readonly runId?: string;
      readonly actor: Actor;
      readonly override?: GateName;
      readonly reason?: string;
    }
  | { readonly kind: 'resolve'; readonly incidentId: string; readonly actor: Actor }
  | { readonly kind: 'pause'; readonly actor: Actor; readonly forMs?: number; readonly reason?: string }
  | { readonly kind: 'resume'; readonly actor: Actor }
  | { readonly kind: 'rearm'; readonly rule: string; readonly actor: Actor }
  | {
      /** A person did something that is no decision of the pipeline, or was refused before it came here: for the audit log. */
      readonly kind: 'recorded';
      readonly action: string;
      readonly subject: string;
      readonly details: JsonObject;
      /** What the person is told. */
      readonly answer: CommandAnswer;
      readonly actor: Actor;
    }
  | { readonly kind: 'booted'; readonly downtimeMs: number };

/** The events of one kind, or of several. */
export type EventOf<K extends PipelineEvent['kind']> = Extract<PipelineEvent, { kind: K }>;

/** What a person says. It is answered, and it is in the audit log. */
export type Command = Extract<PipelineEvent, { readonly actor: Actor }>;

/** What reconciliation saw of one alert that fires here: in every configured Alertmanager. */
export interface AlertLook {
  readonly alertKey: string;
  readonly seen: 'active' | 'suppressed' | 'absent';
}

/** A step that was planned only: what it would do. */
export interface PreviewedStep {
  readonly address: string;
  readonly id: string;
  readonly uses: string;
  readonly summary: string;
}

/** Work to start once the transaction that decided it is on disk. */
export type PipelineEffect =
  | {
      readonly kind: 'read';
      readonly runId: string;
      readonly address: string;
      readonly attempt: number;
      readonly call: RemediationCallInput;
    }
  | {
      readonly kind: 'plan';
      readonly runId: string;
      readonly address: string;
      readonly attempt: number;
      readonly call: RemediationCallInput;
    }
  | {
      readonly kind: 'act';
      readonly runId: string;
      readonly address: string;
      readonly attempt: number;
      readonly call: RemediationCallInput;
      readonly plan: Plan;
    }
  | {
      readonly kind: 'look';
      readonly runId: string;
      readonly address: string;
      readonly attempt: number;
      readonly call: RemediationCallInput;
      readonly plan: Plan;
      readonly actingAt: number;
    }
  | {
      readonly kind: 'check';
      readonly runId: string;
      readonly rung: number;
      readonly calls: readonly (RemediationCallInput | { readonly error: StepFailure })[];
    }
  | { readonly kind: 'preview'; readonly runId: string }
  /** Plans the steps that come after this one, for the question to people. */
  | { readonly kind: 'foresee'; readonly runId: string; readonly address: string; readonly attempt: number };

/** What a caller of a command is told. */
export type CommandAnswer =
  | { readonly ok: true; readonly text: string; readonly data?: Json }
  | { readonly ok: false; readonly code: CommandErrorCode; readonly text: string };

export const COMMAND_ERROR_CODES = ['not_found', 'forbidden', 'conflict', 'invalid'] as const;
export type CommandErrorCode = (typeof COMMAND_ERROR_CODES)[number];

/** For metrics and logs; sent once the transaction is on disk. */
export type Signal =
  | { readonly kind: 'alert'; readonly status: 'firing' | 'resolved' }
  | { readonly kind: 'duplicate' | 'stale' | 'quarantined' | 'unmatched' }
  | { readonly kind: 'match'; readonly rule: string }
  | {
      readonly kind: 'gate';
      readonly rule: string;
      readonly verdict: 'proceed' | 'hold' | 'suppress';
      readonly reason: string;
      readonly runId: string;
      readonly incidentId: string | null;
    }
  | {
      readonly kind: 'run_started';
      readonly rule: string;
      readonly runId: string;
      readonly incidentId: string | null;
      readonly waitedMs: number;
    }
  | {
      readonly kind: 'run_ended';
      readonly rule: string;
      readonly outcome: string;
      readonly reason: string | null;
      readonly runId: string;
      readonly incidentId: string | null;
    }
  | {
      readonly kind: 'step';
      readonly remediation: string;
      readonly outcome: string;
      readonly durationMs: number;
      readonly runId: string;
      readonly stepId: string;
      readonly error?: string;
    }
  /** A scheduled run has ended. */
  | { readonly kind: 'scheduled_run'; readonly rule: string; readonly outcome: Outcome; readonly runId: string }
  | {
      /** So many ticks of a rule, the newest at `dueAt` (epoch ms), made no run or one that did not start. */
      readonly kind: 'schedule_skipped';
      readonly rule: string;
      readonly reason: SkipReason;
      readonly detail: string;
      readonly count: number;
      readonly dueAt: number;
      readonly runId: string | null;
    }
  /** A step's text that nobody can be told: the rule, its severity and the configuration name no place. */
  | { readonly kind: 'message_without_place'; readonly rule: string; readonly runId: string; readonly text: string }
  | { readonly kind: 'escalated'; readonly incidentId: string; readonly reason: string; readonly text: string }
  | { readonly kind: 'approval'; readonly state: string; readonly runId: string; readonly incidentId: string | null }
  | { readonly kind: 'incident_opened'; readonly incidentId: string; readonly rule: string; readonly severity: string }
  | { readonly kind: 'acknowledged'; readonly incidentId: string; readonly afterMs: number }
  | { readonly kind: 'incident_closed'; readonly incidentId: string; readonly afterMs: number; readonly as: string };
