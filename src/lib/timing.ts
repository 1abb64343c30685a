/** Resolves after `ms` milliseconds. With `ref: false` the process may end meanwhile. Rejects with its reason when `signal` aborts before. */
export function pause(ms: number, { ref = true, signal }: { readonly ref?: boolean; readonly signal?: AbortSignal } = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (!ref) timer.unref();
    if (signal?.aborted === true) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

/**
 * What `work` gives, or what `late` gives (or throws) when `ms` milliseconds pass before. The work goes on either way: what it does must
 * not matter any more, or `late` must stop it. No timer is left behind.
 */
export async function within<T, L>(ms: number, work: Promise<T>, late: () => L | Promise<L>): Promise<T | L> {
  const over = Promise.withResolvers<L>();
  const timer = setTimeout(() => {
    try {
      over.resolve(late());
    } catch (error) {
      over.reject(error);
    }
  }, ms);
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** How long to wait after so many failures in a row (1 = the first): `firstMs`, then twice as long each time, up to `longestMs`. */
export function backOffMs(failures: number, firstMs: number, longestMs: number): number {
  return Math.min(longestMs, firstMs * 2 ** Math.min(Math.max(failures, 1) - 1, 30));
}
