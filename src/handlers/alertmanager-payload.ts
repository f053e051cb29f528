import { isUtf8 } from 'node:buffer';
import { ALERT_STATUSES, type AlertBatch, type AlertMessage, type QuarantinedAlert } from '../domain/alert.ts';
import { parseInstant } from '../domain/parse-instant.ts';
import { excerptJson } from './excerpt-json.ts';
import { isObject, nameType, quoteValue } from './json-value.ts';
import { parseLabels } from './parse-labels.ts';
import { PayloadError } from './payload-error.ts';

/** More alerts than 32 MiB of Alertmanager's JSON can hold: a body of empty objects must not become work. */
const MAX_ALERTS = 200_000;
/** Of one message; the last entry counts what is left out. */
const MAX_QUARANTINED = 100;

/** Alertmanager's zero time: it has not ended. */
const ZERO_TIME = '0001-01-01T00:00:00Z';

/** What a credential and the clock add to a payload. */
export type BatchOrigin = Pick<AlertBatch, 'source' | 'receivedAt'>;

/**
 * Alertmanager's webhook message, version 4. Fields that are not known are ignored. An alert that is not well formed is
 * quarantined and the others are taken; a message that is not well formed throws a `PayloadError` that says where.
 */
export function parseAlertmanagerPayload(body: Buffer, origin: BatchOrigin): AlertBatch {
  const message = parseJson(body);
  if (!isObject(message)) throw new PayloadError('wrong_shape', `the body is ${nameType(message)}, not an object`);
  const { version, alerts } = message;
  if (version === undefined && alerts === undefined) {
    throw new PayloadError(
      'wrong_shape',
      'neither version nor alerts: this is not what Alertmanager sends by itself; remove `payload` from the webhook_config of this receiver',
    );
  }
  if (version !== '4') throw new PayloadError('wrong_shape', `version: only "4" is understood, not ${quoteValue(version)}`);
  if (!Array.isArray(alerts)) throw new PayloadError('wrong_shape', `alerts: ${nameType(alerts)}, not a list`);
  if (alerts.length > MAX_ALERTS) {
    throw new PayloadError(
      'too_many_alerts',
      `alerts: ${alerts.length} of them, more than ${MAX_ALERTS}; set max_alerts in the webhook_config`,
    );
  }
  const groupLabels = parseLabels(message['groupLabels']);
  if (typeof groupLabels === 'string') throw new PayloadError('wrong_shape', `groupLabels${groupLabels}`);
  return {
    ...origin,
    groupLabels,
    truncatedAlerts: parseCount(message['truncatedAlerts']),
    externalUrl: textOf(message['externalURL']) ?? '',
    ...parseAlerts(alerts),
  };
}

function parseJson(body: Buffer): unknown {
  if (!isUtf8(body)) throw new PayloadError('not_json', 'the body is not UTF-8');
  const hasByteOrderMark = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
  try {
    return JSON.parse(body.toString('utf8', hasByteOrderMark ? 3 : 0));
  } catch (cause) {
    // The parser's own text quotes the body.
    const place = cause instanceof Error ? /position \d+(?: \(line \d+ column \d+\))?/.exec(cause.message)?.[0] : undefined;
    throw new PayloadError('not_json', `the body is not JSON${place === undefined ? '' : `: ${place}`}`, { cause });
  }
}

function parseAlerts(alerts: readonly unknown[]): Pick<AlertBatch, 'alerts' | 'quarantined'> {
  const taken: AlertMessage[] = [];
  const quarantined: QuarantinedAlert[] = [];
  let faults = 0;
  alerts.forEach((alert, index) => {
    const parsed = parseAlert(alert);
    if (typeof parsed !== 'string') {
      taken.push(parsed);
      return;
    }
    faults += 1;
    if (faults < MAX_QUARANTINED) quarantined.push({ reason: `alerts[${index}]${parsed}`, payload: excerptJson(alert) });
  });
  const omitted = faults - quarantined.length;
  if (omitted > 0) quarantined.push({ reason: `${omitted} more malformed alerts of this message are not kept`, payload: null });
  return { alerts: taken, quarantined };
}

/** The alert, or what is wrong with it: the path and why. */
function parseAlert(alert: unknown): AlertMessage | string {
  if (!isObject(alert)) return `: ${nameType(alert)}, not an object`;
  const status = ALERT_STATUSES.find((known) => known === alert['status']);
  if (status === undefined) return `.status: ${quoteValue(alert['status'])} is neither "firing" nor "resolved"`;
  const labels = parseLabels(alert['labels']);
  if (typeof labels === 'string') return `.labels${labels}`;
  if (Object.keys(labels).length === 0) return '.labels: empty, so that it has no identity';
  const annotations = parseLabels(alert['annotations']);
  if (typeof annotations === 'string') return `.annotations${annotations}`;
  const startsAt = typeof alert['startsAt'] === 'string' ? parseInstant(alert['startsAt']) : undefined;
  if (startsAt === undefined) return `.startsAt: ${quoteValue(alert['startsAt'])} is not an RFC 3339 instant`;
  const end = parseEnd(alert['endsAt']);
  if (end === undefined) return `.endsAt: ${quoteValue(alert['endsAt'])} is not an RFC 3339 instant`;
  const generatorUrl = textOf(alert['generatorURL']);
  if (generatorUrl === undefined) return `.generatorURL: ${nameType(alert['generatorURL'])}, not a string`;
  const fingerprint = textOf(alert['fingerprint']);
  if (fingerprint === undefined) return `.fingerprint: ${nameType(alert['fingerprint'])}, not a string`;
  const message = { status, labels, annotations, startsAt, generatorUrl, fingerprint };
  // An end in the future is only Prometheus' promise to speak again by then.
  return status === 'firing' || end === null ? message : { ...message, endsAt: end };
}

/** Epoch milliseconds, `null` for "not yet", `undefined` when it is no instant. */
function parseEnd(value: unknown): number | null | undefined {
  if (value === undefined || value === null || value === '' || value === ZERO_TIME) return null;
  return typeof value === 'string' ? parseInstant(value) : undefined;
}

function parseCount(value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new PayloadError('wrong_shape', `truncatedAlerts: ${quoteValue(value)} is not a count`);
}

/** A text for display; absent is empty, anything else is not one. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value.toWellFormed() : undefined;
}
