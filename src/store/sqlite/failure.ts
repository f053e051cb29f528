import { StoreUnavailableError } from '../../domain/store.ts';

/** An error of the database, as it crosses the border of its thread. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  /** SQLite's extended result code, when it is an error of SQLite. */
  readonly resultCode: number | undefined;
  /** Node's name of an operating system's error, e.g. `ENOSPC`. */
  readonly systemCode: string | undefined;
}

/** SQLite's primary result codes: https://sqlite.org/rescode.html */
const BUSY = 5;
const LOCKED = 6;
const NO_MEMORY = 7;
const READ_ONLY = 8;
const IO_ERROR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANNOT_OPEN = 14;
const PROTOCOL = 15;
const NOT_A_DATABASE = 26;
/** The extended code for a shared-memory file that cannot grow, which is how a full disk shows when it fills up there. */
const IO_ERROR_SHM_SIZE = 4874;

/** Takes errors by their shape: those that Node throws are not instances of the `Error` of every realm. */
export function describeFailure(error: unknown): Failure {
  const message = fieldOf(error, 'message');
  const name = fieldOf(error, 'name');
  const resultCode = fieldOf(error, 'errcode');
  const systemCode = fieldOf(error, 'code');
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: typeof message === 'string' ? message : String(error),
    resultCode: typeof resultCode === 'number' ? resultCode : undefined,
    systemCode: typeof systemCode === 'string' ? systemCode : undefined,
  };
}

/** What the caller of the store is told: `StoreUnavailableError` for what may pass by itself or is the disk's fault, else a defect of ours. */
export function failureToError({ name, message, resultCode }: Failure, path: string): Error {
  const unavailable = (code: StoreUnavailableError['code'], what: string): Error =>
    new StoreUnavailableError(code, `store ${path}: ${what}`);
  if (name === 'StoreGoneError' || name === 'SchemaError') return unavailable('io', message);
  if (resultCode === undefined) return new Error(`store ${path}: ${message}`);
  if (resultCode === IO_ERROR_SHM_SIZE) return unavailable('full', 'the disk is full');
  switch (resultCode & 0xff) {
    case FULL:
      return unavailable('full', 'the disk is full');
    case BUSY:
    case LOCKED:
    case PROTOCOL:
      return unavailable('locked', `another program holds its lock (${message})`);
    case NOT_A_DATABASE:
      return unavailable('io', 'it is not a SQLite database');
    case CORRUPT:
      return unavailable('io', `it is damaged (${message}): restore a backup`);
    case READ_ONLY:
      return unavailable('io', `it cannot be written (${message})`);
    case CANNOT_OPEN:
    case IO_ERROR:
    case NO_MEMORY:
      return unavailable('io', message);
    default:
      return new Error(`store ${path}: ${message}`);
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
