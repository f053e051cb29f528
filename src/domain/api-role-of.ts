import { API_ROLES, type ApiRole, type Settings } from './settings.ts';

/** The greatest role of a person's tokens, whichever edge she comes through; who has none may act, but switch nothing. */
export function apiRoleOf(person: string, tokens: Settings['auth']['tokens']): ApiRole {
  const ranks = tokens.filter((token) => token.person === person).map((token) => API_ROLES.indexOf(token.role));
  return API_ROLES[Math.max(...ranks)] ?? 'responder';
}
