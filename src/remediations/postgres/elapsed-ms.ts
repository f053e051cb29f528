/** SQL for the milliseconds since an instant, as a number that the client reads as one; never below 0. */
export function selectElapsedMs(instant: string): string {
  return `greatest(0, round(extract(epoch FROM clock_timestamp() - ${instant}) * 1000))::float8`;
}
