/** What was written to would not be there when it is looked for again: the file, or the transaction. */
export class StoreGoneError extends Error {
  override readonly name = 'StoreGoneError';
}
