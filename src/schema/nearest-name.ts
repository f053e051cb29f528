/** The one of `names` that was probably meant: at most a third of its letters differ, swapped neighbours count as one. */
export function nearestName(typed: string, names: readonly string[]): string | undefined {
  if (typed.length > 64) return undefined;
  const allowed = Math.max(1, Math.floor(typed.length / 3));
  let nearest: { readonly name: string; readonly distance: number } | undefined;
  for (const name of names) {
    const distance = damerauDistance(typed.toLowerCase(), name.toLowerCase());
    if (distance <= allowed && distance < (nearest?.distance ?? Infinity)) nearest = { name, distance };
  }
  return nearest?.name;
}

/** `, did you mean 'x'?`, or the names that there are; nothing when there are none. */
export function suggestName(typed: string, names: readonly string[]): string {
  const nearest = nearestName(typed, names);
  if (nearest !== undefined) return `, did you mean '${nearest}'?`;
  if (names.length === 0) return '';
  const shown = names.slice(0, 20).join(', ');
  return `; known are: ${shown}${names.length > 20 ? ', …' : ''}`;
}

/** Insertions, deletions, substitutions and swaps of neighbours between two texts (optimal string alignment). */
function damerauDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (beforePrevious[j - 2] ?? 0) + 1 : Infinity;
      current.push(Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, substituted, swapped));
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}
