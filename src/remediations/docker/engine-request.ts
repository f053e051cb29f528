import type Docker from 'dockerode';
import { callDocker } from './call-docker.ts';

/** One request to the engine. Names and ids in `path` are plain: nothing in them may have a meaning there. */
export interface EngineRequest {
  /** What is tried, for error messages, e.g. `stopping container web-1`. */
  readonly what: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly body?: Readonly<Record<string, unknown>>;
}

/**
 * Sends one request and gives the answer, which nobody has checked yet. 304, which says that it is so already, is success.
 * Unlike dockerode's own functions it passes every parameter on, and its refusals name the request that has to be let through.
 */
export function requestEngine(docker: Docker, request: EngineRequest, signal: AbortSignal): Promise<unknown> {
  const { what, method, path, query = {}, body = {} } = request;
  const call = { what, signal, isChange: method !== 'GET', request: `${method} ${path}` };
  return callDocker(call, () => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    docker.modem.dial(
      {
        path: `${path}?`,
        method,
        abortSignal: signal,
        statusCodes: { 200: true, 201: true, 204: true, 304: true },
        options: { _query: query, _body: body },
      },
      (error, answer) => {
        if (error === null) resolve(answer);
        else reject(error);
      },
    );
    return promise;
  });
}

/** The engine's way to write filters into a query. */
export function filtersOf(filters: Readonly<Record<string, readonly string[]>>): string {
  return JSON.stringify(filters);
}
