import { StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';

const MOST_DECODINGS = 5;

/**
 * The path of a request in its one percent-encoded form. Refuses with `invalid_value` whatever a server, or a proxy that
 * decodes once more, could read as another path: dot segments, encoded slashes, empty segments, control characters.
 */
export function normalizePath(path: string): string {
  const refuse = (why: string): never => {
    throw new StepError('invalid_value', `path "${quoteLine(path)}" ${why}`, { happened: 'nothing' });
  };
  if (!path.startsWith('/')) return refuse('has to start with "/"');
  if (/[?#]/.test(path)) return refuse('holds "?" or "#"; what follows a "?" belongs into `query`');

  const segments = path.slice(1).split('/');
  for (const [index, segment] of segments.entries()) {
    const fault = findFault(segment, index === segments.length - 1);
    if (fault !== undefined) return refuse(fault);
  }
  const url = new URL('http://path.invalid');
  url.pathname = path;
  if (url.host !== 'path.invalid' || url.pathname.split('/').length !== path.split('/').length)
    return refuse('is not a plain path');
  return url.pathname;
}

function findFault(segment: string, isLast: boolean): string | undefined {
  if (segment === '' && !isLast) return 'holds an empty segment ("//")';
  const readings = decodeRepeatedly(segment);
  if (readings === undefined) return 'holds a "%" that does not start a percent-encoded UTF-8 character';
  if (readings.some((text) => /[/\\]/.test(text))) return 'holds a backslash or an encoded slash';
  if (readings.some((text) => /[\p{Cc}\u2028\u2029]/u.test(text))) return 'holds a control character';
  // Some servers cut `;…` off before they look for dots.
  if (readings.some((text) => /^\.{1,2}(;.*)?$/.test(text))) return 'holds a "." or ".." segment';
  return undefined;
}

/** The segment and what repeated percent-decoding makes of it; `undefined` when it cannot be decoded even once. */
function decodeRepeatedly(segment: string): readonly string[] | undefined {
  const readings = [segment.toWellFormed()];
  for (let text = segment.toWellFormed(), round = 0; text.includes('%') && round < MOST_DECODINGS; round += 1) {
    try {
      text = decodeURIComponent(text);
    } catch {
      return round === 0 ? undefined : readings;
    }
    readings.push(text);
  }
  return readings;
}
