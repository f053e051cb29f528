import type { Labels } from '../domain/alert.ts';
import { matchesAll } from '../domain/matcher.ts';
import type { AlertmanagerRoute } from './alertmanager-config.ts';

/**
 * The routes that an alert takes, in Alertmanager's way: the deepest that match, up to the first sibling that does not `continue`; a
 * route itself when none of its children takes the alert.
 */
export function routesTaken(route: AlertmanagerRoute, labels: Labels): readonly AlertmanagerRoute[] {
  if (!matchesAll(route.matchers, labels)) return [];
  const taken: AlertmanagerRoute[] = [];
  for (const child of route.routes) {
    const below = routesTaken(child, labels);
    taken.push(...below);
    if (below.length > 0 && !child.continues) break;
  }
  return taken.length > 0 ? taken : [route];
}

/** A route and all below it. */
export function allRoutes(route: AlertmanagerRoute): readonly AlertmanagerRoute[] {
  return [route, ...route.routes.flatMap(allRoutes)];
}
