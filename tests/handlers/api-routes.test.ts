import { apiRoutes } from '../../src/handlers/api-routes.ts';
import { openApi } from '../../src/handlers/openapi.ts';
import { RunEvents } from '../../src/handlers/run-events.ts';
import { SystemClock } from '../../src/domain/system-clock.ts';
import { startEdge } from './edge.ts';

describe('the OpenAPI description', () => {
  it('has exactly the routes of the API', async () => {
    const edge = await startEdge();
    const clock = new SystemClock();
    const routes = apiRoutes({
      ...edge,
      clock,
      rules: () => edge.rules,
      version: '1',
      events: new RunEvents(clock),
      reload: () => Promise.resolve({ at: 0, problems: [] }),
      lastReload: () => ({ at: 0, problems: [] }),
      lastWebhookAt: () => null,
    });
    await edge.stop();
    const built = routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`).sort();
    const described = Object.entries(openApi.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(described.sort()).toEqual(built);
    // Whoever changes something is at least a responder.
    expect(routes.filter(({ method, role }) => method === 'post' && role === 'viewer')).toEqual([]);
  });
});
