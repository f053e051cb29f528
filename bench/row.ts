/** One line of the result: what was measured, and what it should be. */
export interface Row {
  readonly what: string;
  readonly value: string;
  /** Latency or whatever else helps to read the value. */
  readonly note?: string;
  readonly aim?: string;
  readonly isMet?: boolean;
}

/** The rows under each other, with a title; columns as wide as needed. */
export function formatRows(title: string, rows: readonly Row[]): string {
  const cells = rows.map((row) => [row.what, row.value, row.note ?? '', row.aim ?? '', verdict(row)]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((line) => (line[column] ?? '').length)));
  const lines = cells.map((line) =>
    line.map((cell, column) => (column === 1 ? cell.padStart(widths[1] ?? 0) : cell.padEnd(widths[column] ?? 0))).join('  '),
  );
  return ['', title, ...lines.map((line) => `  ${line.trimEnd()}`)].join('\n');
}

function verdict({ isMet }: Row): string {
  if (isMet === undefined) return '';
  return isMet ? 'met' : 'MISSED';
}

/** The middle of an odd number of values. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** `12,345`, the same on every machine. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
