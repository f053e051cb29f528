// A stand-in for a service of Project C0Di3: it is healthy, and takes what the rules send. PORT says where it listens.
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  request.resume();
  const known = request.url === '/health' || (request.method === 'POST' && request.url === '/admin/cache/clear');
  response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' });
  response.end(JSON.stringify(known ? { status: 'ok' } : { error: 'not found' }));
});
server.listen(Number(process.env['PORT']));
process.on('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
