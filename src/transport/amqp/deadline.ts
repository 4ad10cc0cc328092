/** Something did not answer in time. Whether it happened is unknown. */
export class DeadlineExceeded extends Error {
  constructor(what: string, ms: number) {
    super(`no answer to ${what} within ${ms} ms`);
    this.name = "DeadlineExceeded";
  }
}

/** Ends as `work` does, or rejects with DeadlineExceeded after `ms`. */
export function within<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new DeadlineExceeded(what, ms)), Math.max(0, ms));
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
