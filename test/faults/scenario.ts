/** One measured figure of a scenario, beside what must hold. */
export interface Finding {
  readonly what: string;
  readonly figure: string;
  readonly must: string;
  readonly ok: boolean;
}

/** What a scenario is told, and how it tells what it found. */
export interface Trial {
  /** The short form takes seconds, the full one as long as the table in docs/reliability.md says. */
  readonly short: boolean;
  /** One of the two, by form. */
  pick(full: number, short: number): number;
  /** Notes a figure; the scenario fails when it does not hold, but goes on. */
  hold(what: string, ok: boolean, figure: number | string, must: string): void;
  /** Runs at the end, whatever happens; last in, first out. */
  later(clean: () => unknown): void;
  /** How long this process was kept from running, at the worst, so far: on a busy machine limits in milliseconds yield by that. */
  slackMs(): number;
  say(line: string): void;
}

export interface Scenario {
  readonly title: string;
  /** Of the short form, where a minute is a part of what is tried. */
  readonly shortLimitMs?: number;
  run(trial: Trial): Promise<void>;
}

/**
 * Time as a part of what is tried: a fault lasts, a limit or a lease runs out, a load goes on, nothing may happen for a while. What can be
 * seen is waited for: by `eventually`, or by `answered` of a load.
 */
export const letPass = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** How long `work` takes, in milliseconds, and what it gives. */
export async function timed<T>(work: () => Promise<T>): Promise<{ readonly ms: number; readonly value: T }> {
  const began = performance.now();
  const value = await work();
  return { ms: performance.now() - began, value };
}
