import { newNotification } from '../domain/new-notification.ts';
import { notificationId, OWN_PLACE } from '../domain/notifier.ts';
import type { NotifyTargets, ResponsePlan } from '../domain/response.ts';
import type { Rule } from '../domain/rule.ts';
import type { Scope } from '../domain/scope.ts';
import type { Notification, NotificationChannel } from '../domain/state.ts';
import { renderValue } from './render-value.ts';
import type { World } from './world.ts';

/** Where an incident's message lives, and what the rule wanted instead but could not say. */
export interface ChosenPlaces {
  readonly targets: NotifyTargets;
  readonly skipped: readonly string[];
}

/** The places of a new incident: the rule's over the severity's, and for Slack over the default channel. */
export function choosePlaces(
  rule: Rule | undefined,
  plan: ResponsePlan,
  defaultChannel: string | undefined,
  scopeOf: () => Scope,
): ChosenPlaces {
  const skipped: string[] = [];
  const ofRule = (channel: NotificationChannel): string | undefined => {
    const template = rule?.notify[channel];
    if (template === undefined) return undefined;
    const rendered = renderValue(template, scopeOf());
    if ('value' in rendered && rendered.value !== OWN_PLACE) return rendered.value;
    const problem = 'value' in rendered ? `"${OWN_PLACE}" is not a channel` : rendered.missing;
    skipped.push(`notify.${channel} of ${rule?.name ?? ''} names no place: ${problem}`);
    return undefined;
  };
  const slack = ofRule('slack') ?? plan.notify.slack ?? defaultChannel;
  const pagerduty = ofRule('pagerduty') ?? plan.notify.pagerduty;
  return {
    targets: {
      ...(slack === undefined ? {} : { slack }),
      ...(pagerduty === undefined ? {} : { pagerduty }),
      ...(plan.notify.ownChannel === true ? { ownChannel: true } : {}),
    },
    skipped,
  };
}

/** The places that a higher severity adds: all it names, except where the rule decides. */
export function placesOfSeverity(rule: Rule, { notify }: ResponsePlan): NotifyTargets {
  return {
    ...(notify.slack === undefined || rule.notify.slack !== undefined ? {} : { slack: notify.slack }),
    ...(notify.pagerduty === undefined || rule.notify.pagerduty !== undefined ? {} : { pagerduty: notify.pagerduty }),
    ...(notify.ownChannel === true ? { ownChannel: true } : {}),
  };
}

/** Asks for all these places to be told of an incident. A place that is asked for twice is one row. */
export function askForTargets(
  world: World,
  incidentId: string,
  { slack, pagerduty, ownChannel }: NotifyTargets,
  purpose: 'message' | 'page',
  now: number,
): void {
  if (slack !== undefined) askForPlace(world, { incidentId, channel: 'slack', place: slack, purpose }, now);
  if (pagerduty !== undefined) askForPlace(world, { incidentId, channel: 'pagerduty', place: pagerduty, purpose }, now);
  if (ownChannel === true) askForPlace(world, { incidentId, channel: 'slack', place: OWN_PLACE, purpose: 'message' }, now);
}

/** Asks for one place to be told of an incident. A page is never taken back to a message. */
export function askForPlace(
  world: World,
  wanted: {
    readonly incidentId: string;
    readonly channel: NotificationChannel;
    readonly place: string;
    readonly purpose: Notification['purpose'];
  },
  now: number,
): void {
  const id = notificationId(wanted.incidentId, wanted.channel, wanted.place);
  const isPage = world.notification(id)?.purpose === 'page';
  world.putNotification(newNotification({ id, ...wanted, purpose: isPage ? 'page' : wanted.purpose }, now));
}

/** These places in words, e.g. `slack #ops, pagerduty production`. */
export function describeTargets({ slack, pagerduty }: NotifyTargets): string {
  return [
    ...(slack === undefined ? [] : [`slack ${slack}`]),
    ...(pagerduty === undefined ? [] : [`pagerduty ${pagerduty}`]),
  ].join(', ');
}
