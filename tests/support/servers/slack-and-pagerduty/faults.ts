/** How one request of a vendor's server may go wrong. */
export type Misbehaviour =
  /** Refused with this HTTP status, nothing applied; `retryAfter` in seconds. */
  | { readonly status: number; readonly retryAfter?: number; readonly body?: unknown }
  /** Applied at once, answered this much later. */
  | { readonly slowMs: number }
  /** The connection is destroyed and nothing was applied. */
  | 'cut_before'
  /** Applied, then the connection is destroyed without an answer. */
  | 'cut_after';

/** Which requests go wrong, how often and how. */
export interface Fault<How> {
  /** Every method when it is not given. */
  readonly method?: string;
  /** Once unless given; `Infinity` until `stopFailing`. */
  readonly times?: number;
  /** Only requests whose arguments it holds for. */
  readonly matching?: (args: Readonly<Record<string, unknown>>) => boolean;
  readonly how: How;
}

/** The faults that are to come, oldest first. */
export interface Faults<How> {
  readonly fail: (fault: Fault<How>) => void;
  readonly stopFailing: () => void;
  /** Takes the first fault that concerns this request, one of its times. */
  readonly take: (method: string, args: Readonly<Record<string, unknown>>) => How | undefined;
}

/** An empty list of faults: nothing goes wrong until it is told to. */
export function createFaults<How>(): Faults<How> {
  const pending: { readonly fault: Fault<How>; timesLeft: number }[] = [];
  return {
    fail: (fault) => {
      pending.push({ fault, timesLeft: fault.times ?? 1 });
    },
    stopFailing: () => {
      pending.length = 0;
    },
    take: (method, args) => {
      const index = pending.findIndex(({ fault }) => concerns(fault, method, args));
      const found = pending[index];
      if (found === undefined) return undefined;
      found.timesLeft -= 1;
      if (found.timesLeft <= 0) pending.splice(index, 1);
      return found.fault.how;
    },
  };
}

function concerns<How>(fault: Fault<How>, method: string, args: Readonly<Record<string, unknown>>): boolean {
  return (fault.method === undefined || fault.method === method) && (fault.matching === undefined || fault.matching(args));
}
