const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_536_000_000 } as const;
type DurationUnit = keyof typeof UNIT_MS;

/** Milliseconds of a duration in Prometheus' notation (`90s`, `1h30m`, `2d`, `0`); `undefined` when it is not one. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  // Prometheus wants the units in falling order, each at most once.
  const match = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text);
  if (match === null || text === '') return undefined;
  const units: readonly DurationUnit[] = ['y', 'w', 'd', 'h', 'm', 's', 'ms'];
  const ms = units.reduce((sum, unit, index) => sum + Number(match[index + 1] ?? 0) * UNIT_MS[unit], 0);
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** The shortest exact notation of a duration in milliseconds, e.g. `1h30m`; `0s` for nothing. */
export function formatDuration(ms: number): string {
  let left = Math.round(Math.abs(ms));
  if (left === 0) return '0s';
  let text = ms < 0 ? '-' : '';
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
    const count = Math.floor(left / UNIT_MS[unit]);
    if (count > 0) text += `${count}${unit}`;
    left -= count * UNIT_MS[unit];
  }
  return text;
}
