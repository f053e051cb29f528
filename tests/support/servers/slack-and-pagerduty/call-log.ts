import type { IncomingHttpHeaders } from 'node:http';

interface Call<Method extends string> {
  readonly method: Method;
  readonly args: Readonly<Record<string, unknown>>;
  readonly headers: IncomingHttpHeaders;
  readonly at: number;
  readonly outcome: string;
}

/** The requests a server saw, in order. */
export interface CallLog<Method extends string> {
  readonly calls: readonly Call<Method>[];
  /** Writes a request down as it comes in; what it returns writes down how it ended. */
  readonly begin: (
    method: Method,
    args: Readonly<Record<string, unknown>>,
    headers: IncomingHttpHeaders,
  ) => (outcome: string) => void;
}

export function createCallLog<Method extends string>(): CallLog<Method> {
  const calls: (Call<Method> & { outcome: string })[] = [];
  return {
    calls,
    begin: (method, args, headers) => {
      const call = { method, args, headers, at: Date.now(), outcome: 'pending' };
      calls.push(call);
      return (outcome) => {
        call.outcome = outcome;
      };
    },
  };
}

/** The last requests, a line each, for the message of a wait in vain. */
export function describeCalls(calls: readonly Call<string>[], last = 15): string {
  const lines = calls.slice(-last).map(({ method, outcome, args }) => {
    return `  ${method}: ${outcome} ${JSON.stringify(args).slice(0, 160)}`;
  });
  return [`${String(calls.length)} requests came in, the last ones:`, ...lines].join('\n');
}
