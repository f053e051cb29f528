// What HTTP and JSON alone cost: reads the body, parses it, says 202. With a second argument, the path of a database, each
// request is also a row on disk before its 202, and requests that wait share a commit.
import { createServer, type ServerResponse } from 'node:http';
import { DatabaseSync } from 'node:sqlite';

const [port = '', path] = process.argv.slice(2);
const store = path === undefined ? undefined : createRowStore(path);

createServer((request, response) => {
  if (request.method === 'GET') return void response.end();
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks).toString();
    const payload: unknown = JSON.parse(body);
    if (store === undefined) accept(response, payload);
    else store(body, () => accept(response, payload));
  });
}).listen(Number(port), '127.0.0.1', 4_096);

function accept(response: ServerResponse, payload: unknown): void {
  const body = JSON.stringify({ accepted: typeof payload === 'object' });
  response.writeHead(202, { 'Content-Type': 'application/json', 'Content-Length': body.length }).end(body);
}

function createRowStore(file: string): (body: string, done: () => void) => void {
  const db = new DatabaseSync(file);
  db.exec(
    'pragma journal_mode = wal; pragma synchronous = full; create table inbox (id integer primary key, body text not null) strict',
  );
  const insert = db.prepare('insert into inbox (body) values (?)');
  let waiting: { readonly body: string; readonly done: () => void }[] = [];
  const commit = (): void => {
    const batch = waiting;
    waiting = [];
    db.exec('begin immediate');
    for (const { body } of batch) insert.run(body);
    db.exec('commit');
    for (const { done } of batch) done();
  };
  return (body, done) => {
    if (waiting.length === 0) setImmediate(commit);
    waiting.push({ body, done });
  };
}
