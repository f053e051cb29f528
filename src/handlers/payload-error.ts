/** A body that is not what it should be: `message` says where, and never repeats what may be secret. */
export class PayloadError extends Error {
  readonly code: 'not_json' | 'wrong_shape' | 'too_many_alerts';

  constructor(code: 'not_json' | 'wrong_shape' | 'too_many_alerts', message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'PayloadError';
    this.code = code;
  }
}
