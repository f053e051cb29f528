/**
 * Whether an `allow` list of `METHOD /path` patterns has the request. `*` stands for exactly one path segment that is not
 * empty. `path` is normalised; both sides are compared decoded.
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
      return segment === '*' ? actual !== '' : decode(segment) === decode(actual);
    })
  );
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
