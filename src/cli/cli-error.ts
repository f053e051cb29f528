/** A command that cannot do what it was asked: one line for the person, and the exit status (1: the answer is no, 2: wrong usage). */
export class CliError extends Error {
  readonly exitCode: 1 | 2;

  constructor(exitCode: 1 | 2, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
