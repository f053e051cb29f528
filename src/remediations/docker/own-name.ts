/** The name of a container among those that the engine lists for it: others are the aliases that links gave it, `/web/db`. */
export function ownNameOf(names: readonly string[]): string {
  return (names.find((name) => name.lastIndexOf('/') === 0) ?? '/').slice(1);
}
