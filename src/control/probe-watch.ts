import type { Clock } from "../core/clock.ts";

/** Who asks whether we are ready, how often, and so: how long after "no" everybody has heard it. */
export interface ProbeWatch {
  asked(): void;
  /** How long to go on serving after readiness began to fail. */
  lingerMs(): number;
}

/** Answers of an upstream's failing health check that balancers commonly want before they believe it. */
const answersUntilBelieved = 3;
const remembered = 8;
/** Also when nobody asks: who looks for the first time just now shall see "not ready" before "connection refused". */
const leastMs = 300;
/** Leaves two thirds of the 30 seconds to what is in flight. Slower probes need a pre-stop hook. */
const mostMs = 10_000;

/**
 * Remembers when readiness was asked for. A balancer that is still sending requests must see several failing answers before the
 * listeners close, or those requests are lost; with no balancer about, waiting would only be in the way.
 */
export function createProbeWatch(clock: Clock): ProbeWatch {
  const times: number[] = [];
  return {
    asked() {
      times.push(clock());
      if (times.length > remembered) times.shift();
    },
    lingerMs() {
      const gaps = times.slice(1).map((time, at) => time - (times[at] ?? time));
      // But one: a look by hand between two rounds of checks is no longer rhythm.
      const [longest = 0, second = longest] = gaps.sort((one, other) => other - one);
      const sinceLast = clock() - (times.at(-1) ?? Number.NEGATIVE_INFINITY);
      // Somebody who waited for the start, say, and asks no more.
      const stopped = gaps.length === 0 || sinceLast > 2 * second + 1_000;
      return stopped ? leastMs : Math.min(Math.max(answersUntilBelieved * second + leastMs, leastMs), mostMs);
    },
  };
}
