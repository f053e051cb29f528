import type { Role } from './settings.ts';

/** The configured roles that name this person. Members of Slack's user groups are not known here. */
export function rolesOf(person: string, roles: ReadonlyMap<string, Role>): readonly string[] {
  return [...roles].flatMap(([name, { people }]) => (people.includes(person) ? [name] : []));
}
