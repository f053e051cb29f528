// A stand-in for a service of DEAN: healthy, and with an answer for what the rules ask. PORT says where it listens.
import { createServer } from 'node:http';

const answers = {
  '/_cluster/health': { status: 'green' },
  '/_cat/indices/dean-*': [],
  '/_cat/aliases': [],
  '/api/v1/agents': { agents: [{ id: 'agent_001' }, { id: 'agent_002' }] },
  '/api/v1/dags/dean_agent_evolution/dagRuns': { dag_runs: [] },
  '/api/v1/economy/budget': { remaining: 5000 },
  '/api/v1/evolution/constraints': {},
  '/api/v1/evolution/trials': { trials: [] },
  '/api/v1/patterns': { patterns: [] },
};

const server = createServer((request, response) => {
  const path = new URL(request.url ?? '/', 'http://stand-in').pathname;
  if (path === '/metrics') {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end('dean_tokens_remaining 5000\n');
    return;
  }
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(answers[path] ?? { status: 'ok' }));
});
server.listen(Number(process.env['PORT']));
process.on('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
