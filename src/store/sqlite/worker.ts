import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import type { BatchResult } from './batch.ts';
import { Database } from './database.ts';
import type { DatabaseOptions } from './database.ts';
import { describeFailure } from './failure.ts';
import { decodeRequest, encodeMessage } from './worker-message.ts';
import type { WorkerAnswer, WorkerRequest } from './worker-message.ts';

// The entry of a thread that does nothing but SQLite: its calls block until the disk has answered.
if (parentPort === null) throw new Error('this file is started as a worker thread by WorkerConnection');
// WorkerConnection, the only one that starts this file, passes exactly these options.
serve(parentPort, workerData as DatabaseOptions);

function serve(port: MessagePort, options: DatabaseOptions): void {
  const answer = (message: WorkerAnswer): void => port.postMessage(encodeMessage(message));
  try {
    const database = new Database(options);
    port.on('message', (message: string) => {
      const request = decodeRequest(message);
      try {
        answer({ kind: 'done', id: request.id, result: handle(database, request) });
        if (request.kind === 'close') port.close();
      } catch (error) {
        answer({ kind: 'failed', id: request.id, failure: describeFailure(error) });
      }
    });
    answer({ kind: 'opened' });
  } catch (error) {
    answer({ kind: 'unopenable', failure: describeFailure(error) });
  }
}

function handle(database: Database, request: WorkerRequest): BatchResult | undefined {
  switch (request.kind) {
    case 'execute':
      return database.execute(request.batch);
    case 'rollback':
      database.rollback();
      return undefined;
    case 'close':
      database.close();
      return undefined;
  }
}
