import type { Reply } from "./ask.ts";

/** A steady stream of requests; every one is kept. */
export interface Load {
  readonly replies: readonly Reply[];
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

/** `200: 512, 503: 3`. */
export function byStatus(replies: readonly Pick<Reply, "status" | "error">[]): string {
  const counts = new Map<string, number>();
  for (const { status, error } of replies) counts.set(error ?? String(status), (counts.get(error ?? String(status)) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${status}: ${count}`).join(", ") || "none";
}
