import { quoteLine } from './quote-line.ts';

export interface ErrorDescription {
  /** `TimeoutError`, … */
  readonly name: string;
  /** `ECONNREFUSED`, … or empty. */
  readonly code: string;
  /** Code and message as one short line. */
  readonly text: string;
}

/** What something thrown says. By its properties, because errors of Node's core need not be of our realm's classes. */
export function describeError(error: unknown): ErrorDescription {
  const code = readProperty(error, 'code');
  const message = quoteLine(readProperty(error, 'message'));
  const text = message.includes(code) ? message : [code, message].filter((part) => part !== '').join(': ');
  return { name: readProperty(error, 'name'), code, text: text === '' ? 'unknown error' : text };
}

function readProperty(value: unknown, key: 'name' | 'code' | 'message'): string {
  if (typeof value !== 'object' || value === null || !(key in value)) return '';
  const property: unknown = Reflect.get(value, key);
  return typeof property === 'string' ? property : '';
}
