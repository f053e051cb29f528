import { once } from 'node:events';
import { createServer } from 'node:http';

/** One series: its value is measured at the real target whenever Prometheus asks. */
export interface Measure {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  read(): Promise<number>;
}

/** An exporter of Prometheus metrics inside the test process. */
export interface Exporter {
  /** `host:port`. */
  readonly address: string;
  /** Measurements that failed: the series was missing then, so an alert may have ended although nothing got better. */
  readonly failures: readonly string[];
  stop(): Promise<void>;
}

export async function startExporter(measures: readonly Measure[]): Promise<Exporter> {
  const failures: string[] = [];
  const server = createServer((_request, response) => {
    void Promise.all(measures.map((measure) => readSeries(measure, failures))).then((series) => {
      response.setHeader('content-type', 'text/plain; version=0.0.4');
      response.end(series.join(''));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the exporter has no port');
  return {
    address: `127.0.0.1:${String(address.port)}`,
    failures,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function readSeries({ metric, labels, read }: Measure, failures: string[]): Promise<string> {
  try {
    const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
    return `${metric}{${pairs.join(',')}} ${String(await read())}\n`;
  } catch (error) {
    failures.push(`${metric}: ${error instanceof Error ? error.message : String(error)}`);
    return '';
  }
}

/** 1 when the URL answers 200 in time, as a probe sees it; else 0. */
export async function probeHttp(url: string): Promise<number> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(400) });
    await response.arrayBuffer();
    return response.status === 200 ? 1 : 0;
  } catch {
    return 0;
  }
}
