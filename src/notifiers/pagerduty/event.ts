import type { JsonObject } from '../../domain/json.ts';
import type { PagerDutySeverity } from '../../domain/response.ts';
import type { EventAction } from './next-action.ts';

// The events as https://developer.pagerduty.com/docs/events-api-v2 describes them, without their routing key.

export interface EventLink {
  readonly href: string;
  readonly text: string;
}

/** An event of Events API v2. Also what acknowledges and resolves has a payload: pdjs asks for one, PagerDuty ignores it. */
export interface AlertEvent {
  readonly event_action: EventAction;
  readonly dedup_key: string;
  readonly payload: {
    readonly summary: string;
    readonly source: string;
    readonly severity: PagerDutySeverity;
    readonly timestamp?: string;
    readonly component?: string;
    readonly group?: string;
    readonly class?: string;
    readonly custom_details?: JsonObject;
  };
  readonly links?: readonly EventLink[];
  readonly client?: string;
  readonly client_url?: string;
}

/** A change event: something that was done, shown beside the incidents of a service. */
export interface ChangeEvent {
  readonly payload: {
    readonly summary: string;
    readonly source: string;
    readonly timestamp: string;
    readonly custom_details: JsonObject;
  };
  readonly links: readonly EventLink[];
}

/** The longest summary, in characters. */
export const MAX_SUMMARY = 1_024;
/** For source, component, group and class, which have no documented limit. */
export const MAX_NAME = 255;
