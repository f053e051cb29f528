import type { Actor } from './event.ts';

/** Whether a person may act at all, and has one of these roles. Without any, everybody who may act has a say. */
export function hasRole(actor: Actor, roles: readonly string[]): boolean {
  return actor.role !== 'viewer' && (roles.length === 0 || roles.some((role) => actor.roles.includes(role)));
}

/** Who they are, for people: `sre or dba`. */
export function describeRoles(roles: readonly string[]): string {
  return roles.length === 0 ? 'responder or admin' : roles.join(' or ');
}

/** What a person without the role is told. */
export function describeRefusal(actor: Actor, roles: readonly string[], what: string): string {
  const own = actor.roles.length === 0 ? 'none' : actor.roles.join(', ');
  return `only ${describeRoles(roles)} may ${what}; the roles of ${actor.person} are: ${own} (${actor.role})`;
}
