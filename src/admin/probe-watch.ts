import type { Clock } from "../core/clock.ts";

/** Who asks whether we are ready, how often, and so: when everyone has heard that we no longer are. */
export interface ProbeWatch {
  asked(): void;
  /** From now on the answer is no. What it returns says whether all have heard it, or none asks. */
  beginRefusing(): () => boolean;
}

/** Failing answers that balancers commonly want before they believe them. */
const answersUntilBelieved = 3;
const patience = 3;
const remembered = 8;
const fewestGaps = 3;
/** Also when there is no question: who looks for the first time just now shall see "not ready" before "connection refused". */
const leastMs = 300;
/** Leaves two thirds of the 30 seconds to what is in flight. Slower probes need a pre-stop hook. */
const mostMs = 10_000;

/**
 * Remembers when readiness was asked for. A balancer that is still sending requests must see several failing answers before the
 * listeners close, or those requests are lost; with no balancer about, waiting would only be in the way.
 */
export function createProbeWatch(clock: Clock): ProbeWatch {
  const times: number[] = [];
  let count = 0;
  return {
    asked() {
      count += 1;
      times.push(clock());
      if (times.length > remembered) times.shift();
    },
    beginRefusing() {
      const [began, before, waitMs] = [clock(), count, expectedMs(times, clock())];
      return () => {
        const passedMs = clock() - began;
        if (waitMs === null) return passedMs >= leastMs;
        // Answers count as well as time: on a machine under load, probes come late. Or never, when the balancer has gone.
        const heard = count - before >= answersUntilBelieved || passedMs >= patience * waitMs;
        return passedMs >= mostMs || (heard && passedMs >= waitMs);
      };
    },
  };
}

/** How long a balancer with this rhythm takes to believe; null when no balancer asks, or no more. */
function expectedMs(times: readonly number[], now: number): number | null {
  const gaps = times.slice(1).map((time, at) => time - (times[at] ?? time));
  // But one: a look by hand between two rounds of checks is no rhythm.
  const [longest = 0, second = longest] = gaps.sort((one, other) => other - one);
  // A few looks are no balancer. Or a script waited for the start and asks no more.
  if (gaps.length < fewestGaps || now - (times.at(-1) ?? now) > 2 * second + 1_000) return null;
  return Math.min(answersUntilBelieved * second + leastMs, mostMs);
}
