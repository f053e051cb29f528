// https://redis.io/docs/latest/operate/oss_and_stack/management/config/ (units of memory sizes)
const FACTORS: ReadonlyMap<string, bigint> = new Map([
  ['', 1n],
  ['b', 1n],
  ['k', 1_000n],
  ['kb', 1_024n],
  ['m', 1_000_000n],
  ['mb', 1_048_576n],
  ['g', 1_000_000_000n],
  ['gb', 1_073_741_824n],
]);

/** Whether two texts set a parameter to the same: case does not count, and `1gb` is what a server answers as `1073741824`. */
export function isSameSetting(one: string, other: string): boolean {
  return words(one) === words(other);
}

function words(text: string): string {
  return text.trim().toLowerCase().split(/\s+/).map(inBytes).join(' ');
}

function inBytes(word: string): string {
  const [, digits, unit = ''] = /^(\d{1,18})([kmg]?b?)$/.exec(word) ?? [];
  const factor = FACTORS.get(unit);
  return digits === undefined || factor === undefined ? word : String(BigInt(digits) * factor);
}
