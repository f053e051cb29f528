import { auditRoute } from './api-audit.ts';
import { incidentRoutes } from './api-incidents.ts';
import { notificationRoutes } from './api-notifications.ts';
import type { ApiDeps, ApiRoute } from './api-route.ts';
import { reportRoute } from './api-report.ts';
import { ruleRoutes } from './api-rules.ts';
import { runRoutes } from './api-runs.ts';
import { statusRoutes } from './api-status.ts';
import { openApi } from './openapi.ts';
import { reloadRoute } from './reload.ts';

/** Every route that needs a token, or a reader on this machine. */
export function apiRoutes(deps: ApiDeps): readonly ApiRoute[] {
  return [
    ...incidentRoutes(deps),
    ...runRoutes(deps),
    ...ruleRoutes(deps),
    ...notificationRoutes(deps),
    ...statusRoutes(deps),
    auditRoute(deps),
    reportRoute(deps),
    {
      method: 'get',
      path: '/api/v1/events',
      role: 'viewer',
      handle: { stream: (request, response) => deps.events.listen(request, response) },
    },
    { method: 'get', path: '/api/openapi.json', role: 'viewer', handle: () => Promise.resolve({ status: 200, body: openApi }) },
    reloadRoute(deps),
  ];
}
