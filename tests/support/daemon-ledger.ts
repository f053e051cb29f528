import { once } from 'node:events';
import { createServer } from 'node:http';

/** Something that rules act on by `POST /act/NAME`: it writes down every call, and refuses while it is told to. */
export interface Ledger {
  /** For `connections.http`. */
  readonly connection: object;
  /** The names of all calls, in order. */
  readonly calls: readonly string[];
  setRefusing(isRefusing: boolean): void;
  stop(): Promise<void>;
}

export async function startLedger(): Promise<Ledger> {
  const calls: string[] = [];
  let isRefusing = false;
  const server = createServer((request, response) => {
    calls.push((request.url ?? '').slice('/act/'.length));
    response.statusCode = isRefusing ? 409 : 200;
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the ledger has no port');
  return {
    connection: { base_url: `http://127.0.0.1:${String(address.port)}`, allow: ['POST /act/*'] },
    calls,
    setRefusing: (next) => {
      isRefusing = next;
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
