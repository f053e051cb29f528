/** Why a body could not be read. After `aborted` there is nobody to answer. */
export class BodyError extends Error {
  readonly code: 'too_large' | 'overloaded' | 'unsupported_encoding' | 'corrupt' | 'aborted';

  constructor(code: BodyError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'BodyError';
    this.code = code;
  }
}
