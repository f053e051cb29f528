/**
 * Whether an `allow` list of `METHOD /path` patterns has the request. `*` stands for exactly one path segment that is not
 * empty; inside a segment (`logs-*`) for letters, digits, `.`, `_` and `-` only, so that what is a pattern or a list to the
 * server (`logs-*`, `logs-a,b`) is never among them. `path` is normalised; both sides are compared decoded.
 */
export function isAllowedRequest(allow: readonly string[], method: string, path: string): boolean {
  return allow.some((pattern) => {
    const [allowedMethod, allowedPath] = pattern.trim().split(/\s+/, 2);
    return allowedMethod === method && allowedPath !== undefined && matchesPath(allowedPath, path);
  });
}

function matchesPath(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const given = path.split('/');
  return (
    wanted.length === given.length &&
    wanted.every((segment, index) => {
      const actual = given[index] ?? '';
      return segment === '*' ? actual !== '' : matchesSegment(decode(segment), decode(actual));
    })
  );
}

function matchesSegment(pattern: string, segment: string): boolean {
  const [first = '', ...others] = pattern.split('*');
  const last = others.pop();
  if (last === undefined) return segment === pattern;
  if (!segment.startsWith(first) || segment.length < first.length + last.length || !segment.endsWith(last)) return false;
  let rest = segment.slice(first.length, segment.length - last.length);
  // The leftmost place of each part leaves the most to the parts behind it.
  for (const part of others) {
    const at = rest.indexOf(part);
    if (at === -1 || !isPlain(rest.slice(0, at))) return false;
    rest = rest.slice(at + part.length);
  }
  return isPlain(rest);
}

function isPlain(text: string): boolean {
  return /^[A-Za-z0-9._-]*$/.test(text);
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
