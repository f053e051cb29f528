import type { ApprovalSpec } from '../domain/rule.ts';
import type { Role } from '../domain/settings.ts';

/** What makes an approval hard or impossible to give, one line each; nothing is said of roles that are not known. */
export function approvalFaults(
  { roles, count }: Pick<ApprovalSpec, 'roles' | 'count'>,
  known: ReadonlyMap<string, Role>,
): readonly string[] {
  const found = roles.flatMap((name) => known.get(name) ?? []);
  // Without roles, everybody who may act with the API is asked; the members of a user group are Slack's to know.
  if (roles.length === 0 || found.length < roles.length) return [];
  const faults = emptyRoles(roles, known).map((name) => `nobody is in the role '${name}'`);
  if (found.some((role) => role.slackUsergroup !== undefined)) return faults;
  const people = new Set(found.flatMap((role) => role.people)).size;
  if (people === 0 || people >= count) return faults;
  return [
    ...faults,
    `${count} people are asked for, and ${roles.join(', ')} ${roles.length === 1 ? 'names' : 'name'} ${people}: it can never be given`,
  ];
}

/** Those of some roles that name no people and no user group. */
export function emptyRoles(roles: readonly string[], known: ReadonlyMap<string, Role>): readonly string[] {
  return roles.filter((name) => {
    const role = known.get(name);
    return role?.people.length === 0 && role.slackUsergroup === undefined;
  });
}
