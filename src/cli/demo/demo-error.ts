/** Something in the demo did not go as it should; the message says what, in one line. */
export class DemoError extends Error {
  readonly code = 'demo_failed';
}
