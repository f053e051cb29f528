// A stand-in for a service of FreeAgentics: healthy, with the metrics of the application. PORT says where it listens. SIGUSR2
// breaks it and repairs it again: /health says 503, and half of the agent coordinations fail.
import { createServer } from 'node:http';

const counters = {
  fa_coordination_attempts_total: 0,
  fa_coordination_success_total: 0,
  fa_tasks_processed_total: 0,
  fa_auth_failures_total: 0,
};
let broken = false;

const work = setInterval(() => {
  counters.fa_coordination_attempts_total += 10;
  counters.fa_coordination_success_total += broken ? 5 : 10;
  counters.fa_tasks_processed_total += broken ? 0 : 3;
}, 1_000);

const server = createServer((request, response) => {
  const path = new URL(request.url ?? '/', 'http://stand-in').pathname;
  if (path === '/metrics') {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(
      Object.entries(counters)
        .map(([name, value]) => `# TYPE ${name} counter\n${name} ${value}\n`)
        .join(''),
    );
    return;
  }
  response.statusCode = broken && path === '/health' ? 503 : 200;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ status: broken ? 'broken' : 'ok' }));
});
server.listen(Number(process.env['PORT']));
process.on('SIGUSR2', () => {
  broken = !broken;
});
process.on('SIGTERM', () => {
  clearInterval(work);
  server.close();
  server.closeAllConnections();
});
