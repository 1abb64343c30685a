import { eventually } from "../support/eventually.ts";
import type { Reply } from "./ask.ts";
import type { Trial } from "./scenario.ts";

/** A steady stream of requests; every one is kept. */
export interface Load {
  readonly replies: readonly Reply[];
  /** Waits until so many more have been answered, whatever time that takes here. */
  answered(more: number): Promise<void>;
  /** Waits for what is under way and answers everything. */
  stop(): Promise<readonly Reply[]>;
}

const tickMs = 10;
const maxOpen = 3_000;

/** Open loop: `rps` a second whatever the answers take, up to a bound of open requests. */
export function startLoad(rps: number, askNth: (count: number) => Promise<Reply>): Load {
  const replies: Reply[] = [];
  const open = new Set<Promise<void>>();
  const began = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) / 1000) * rps);
    for (; sent < due; sent += 1) {
      if (open.size >= maxOpen) continue;
      const one: Promise<void> = askNth(sent).then((reply) => {
        replies.push(reply);
        open.delete(one);
      });
      open.add(one);
    }
  }, tickMs);
  return {
    replies,
    answered: async (more) => {
      const wanted = replies.length + more;
      const look = () => {
        if (replies.length < wanted) throw new Error(`${wanted - replies.length} of ${more} answers are missing`);
      };
      await eventually(look, { timeoutMs: 120_000 });
    },
    stop: async () => {
      clearInterval(timer);
      await Promise.all(open);
      return replies;
    },
  };
}

/** In milliseconds; 0 without any. */
export function percentile(replies: readonly Pick<Reply, "ms">[], share: number): number {
  const sorted = replies.map(({ ms }) => ms).sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
export const p99 = (replies: readonly Pick<Reply, "ms">[]) => percentile(replies, 0.99);
export const slowest = (replies: readonly Pick<Reply, "ms">[]) => percentile(replies, 1);

/** `200: 512, 503 store.unavailable: 3`. */
export function byStatus(replies: readonly (Pick<Reply, "status" | "error"> & { readonly body?: string })[]): string {
  const counts = new Map<string, number>();
  for (const { status, error, body = "" } of replies) {
    const code = status >= 500 ? (/"error":"([a-z.-]+)"/.exec(body)?.[1] ?? "") : "";
    const name = error ?? `${status} ${code}`.trim();
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([status, count]) => `${status}: ${count}`).join(", ") || "none";
}

/**
 * Whether requests during a fault were about as fast as without it. In the short form by the 90th percentile: with a few hundred requests
 * on a shared machine, the 99th is whatever else that machine did.
 */
export function holdPace(
  trial: Pick<Trial, "short" | "hold">,
  what: string,
  during: readonly Reply[],
  base: readonly Reply[],
  factor: number,
): void {
  const share = trial.short ? 0.9 : 0.99;
  const limit = Math.max(percentile(base, share) * factor, percentile(base, share) + 20);
  const taken = percentile(during, share);
  const name = trial.short ? "p90" : "p99";
  trial.hold(`${what}, ${name} in ms`, taken <= limit, taken, `≤ ${factor} × B or B + 20, B ${percentile(base, share).toFixed(1)}`);
}
