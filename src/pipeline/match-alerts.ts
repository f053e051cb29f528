import { hash } from 'node:crypto';
import { alertKey, copyLabels, type AlertBatch, type AlertMessage, type Labels } from '../domain/alert.ts';
import type { Rule, RuleSet } from '../domain/rule.ts';
import type { AlertMatch, CorrelatedAlert } from './event.ts';
import { renderValue } from './render-value.ts';
import { defaultParams } from './rule-params.ts';
import { scopeOfMessage } from './scope-of-message.ts';

/** A batch whose alerts have their identity; what the rules say of one is found out when it is first asked for. */
export function identifyAlerts(batch: AlertBatch): readonly { readonly alertKey: string; readonly message: AlertMessage }[] {
  return batch.alerts.map((message) => ({ alertKey: alertKey(batch.source, message.labels), message }));
}

/** The rules' view of an alert, made when first needed: most messages are repeats, which need none. */
export class LazyAlert implements CorrelatedAlert {
  readonly alertKey: string;
  readonly message: AlertMessage;
  readonly #batch: AlertBatch;
  readonly #rules: RuleSet;
  readonly #now: number;
  #matches: readonly AlertMatch[] | undefined;

  constructor(alert: { alertKey: string; message: AlertMessage }, batch: AlertBatch, rules: RuleSet, now: number) {
    this.alertKey = alert.alertKey;
    this.message = alert.message;
    this.#batch = batch;
    this.#rules = rules;
    this.#now = now;
  }

  get matches(): readonly AlertMatch[] {
    this.#matches ??= this.#rules.match(this.message.labels).map((rule) => matchRule(rule, this.message, this.#batch, this.#now));
    return this.#matches;
  }
}

/** Where an alert belongs among a rule's incidents, and which target it names. */
export function matchRule(
  rule: Rule,
  message: AlertMessage,
  batch: Pick<AlertBatch, 'groupLabels' | 'source'>,
  now: number,
): AlertMatch {
  const groupLabels = rule.groupBy === undefined ? batch.groupLabels : pick(message.labels, rule.groupBy);
  return {
    rule: rule.name,
    groupLabels,
    groupKey: groupKeyOf(rule.name, batch.source, groupLabels),
    severity: rule.severityOf(message.labels),
    target:
      rule.target === undefined || rule.rungs.length === 0
        ? undefined
        : renderValue(rule.target, { ...scopeOfMessage(message, groupLabels, now), params: defaultParams(rule) }),
  };
}

function pick(labels: Labels, names: readonly string[]): Labels {
  return copyLabels(Object.fromEntries(names.map((name) => [name, Object.hasOwn(labels, name) ? (labels[name] ?? '') : ''])));
}

function groupKeyOf(rule: string, source: string, labels: Labels): string {
  return hash('sha256', JSON.stringify([rule, source, Object.entries(labels)]), 'hex');
}
