/** Runs works one after the other, in the order in which they came. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    // The next one starts whether this one succeeded or not; its error is its caller's.
    this.#last = result.catch(() => undefined);
    return result;
  }
}
