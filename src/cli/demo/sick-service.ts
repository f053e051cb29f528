import { once } from 'node:events';
import { createServer } from 'node:http';

const WORKERS = 8;
const LEAK_INTERVAL_MS = 125;

/** A small web service whose workers get stuck, one after the other, until it answers 503. */
export interface SickService {
  readonly url: string;
  readonly stuck: () => number;
  /** Begins to leak. */
  sicken(): void;
}

/** `POST /admin/recycle` frees its workers, for good or, when `staysSick`, for nothing: what makes them hang is still there. */
export async function startSickService(
  { staysSick }: { readonly staysSick: boolean },
  cleanUp: AsyncDisposableStack,
): Promise<SickService> {
  let stuck = 0;
  let leak: NodeJS.Timeout | undefined;
  const server = createServer((request, response) => {
    const { method, url } = request;
    if (method === 'POST' && url === '/admin/recycle') {
      if (!staysSick) {
        stuck = 0;
        clearInterval(leak);
      }
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ recycled: WORKERS }));
      return;
    }
    if (method === 'GET' && url === '/health') {
      response.statusCode = stuck < WORKERS ? 200 : 503;
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ workers: WORKERS, stuck }));
      return;
    }
    response.statusCode = 404;
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.defer(async () => {
    clearInterval(leak);
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    stuck: () => stuck,
    sicken: () => {
      leak = setInterval(() => (stuck = Math.min(WORKERS, stuck + 1)), LEAK_INTERVAL_MS);
    },
  };
}
