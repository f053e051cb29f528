import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface GuardingProxy extends AsyncDisposable {
  readonly url: string;
  /** `METHOD /path` of what was let through. */
  readonly passed: readonly string[];
}

/** A proxy before a server without roles: asks for a bearer token (401) and lets only these `METHOD /path` through (403). */
export async function startGuardingProxy(target: string, token: string, allow: readonly RegExp[]): Promise<GuardingProxy> {
  const passed: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const what = `${incoming.method ?? ''} ${new URL(incoming.url ?? '/', target).pathname}`;
    const refuse = (status: number): void => {
      incoming.resume();
      outgoing.writeHead(status).end(`${what} with ${incoming.headers.authorization ?? 'nothing'} is refused`);
    };
    if (incoming.headers.authorization !== `Bearer ${token}`) return refuse(401);
    if (!allow.some((pattern) => pattern.test(what))) return refuse(403);
    passed.push(what);
    const { method, headers } = incoming;
    const onward = request(
      new URL(incoming.url ?? '/', target),
      { ...(method === undefined ? {} : { method }), headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    passed,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
