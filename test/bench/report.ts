import type { Measured } from "./load.ts";

/** One measurement of one contender in one round. */
export interface Sample extends Measured {
  readonly cpuMicrosPerRequest: number;
  readonly residentBytes: number;
}
/** The medians of a contender's rounds. */
export interface Line {
  readonly title: string;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicrosPerRequest: number;
  readonly residentMiB: number;
  readonly errors: number;
  readonly rounds: readonly number[];
}

export function summarise(title: string, samples: readonly Sample[]): Line {
  const of = (value: (sample: Sample) => number) => median(samples.map(value));
  return {
    title,
    requestsPerSecond: of(({ requests, seconds }) => requests / seconds),
    p50Ms: of(({ p50Ms }) => p50Ms),
    p99Ms: of(({ p99Ms }) => p99Ms),
    cpuMicrosPerRequest: of(({ cpuMicrosPerRequest }) => cpuMicrosPerRequest),
    residentMiB: of(({ residentBytes }) => residentBytes) / 2 ** 20,
    errors: samples.reduce((sum, { errors }) => sum + errors, 0),
    rounds: samples.map(({ requests, seconds }) => Math.round(requests / seconds)),
  };
}

/** A Markdown table, as it goes into the README. */
export function table(lines: readonly Line[]): string {
  const rate = (start: string) => lines.find(({ title }) => title.startsWith(start))?.requestsPerSecond;
  const [nginx, undici] = [rate("nginx"), rate("bare undici")];
  const ratio = (line: Line, to: number | undefined) => (to === undefined ? "–" : (line.requestsPerSecond / to).toFixed(2));
  const rows = lines.map((line) => [
    line.title,
    Math.round(line.requestsPerSecond).toLocaleString("en"),
    line.p50Ms.toFixed(2),
    line.p99Ms.toFixed(2),
    Math.round(line.cpuMicrosPerRequest).toString(),
    Math.round(line.residentMiB).toString(),
    ratio(line, nginx),
    ratio(line, undici),
  ]);
  const head = ["", "requests/s", "p50 ms", "p99 ms", "CPU µs/request", "memory MiB", "to nginx", "to bare undici"];
  return [head, ["---", ...head.slice(1).map(() => "---:")], ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** What this project has promised of itself; a sentence for each promise that was not kept. */
export function brokenPromises(lines: readonly Line[]): readonly string[] {
  const rate = (start: string) => lines.find(({ title }) => title.startsWith(start))?.requestsPerSecond ?? 0;
  const warm = rate("Vestibule, warm");
  const problems = lines.filter(({ errors }) => errors > 0).map(({ title, errors }) => `${title}: ${errors} requests failed`);
  if (warm < 0.85 * rate("bare undici"))
    problems.push(`a warm session reaches ${(warm / rate("bare undici")).toFixed(2)} of bare undici, not 0.85`);
  if (warm < 2 * rate("bare http-proxy-3"))
    problems.push(`a warm session reaches ${(warm / rate("bare http-proxy-3")).toFixed(2)} of bare http-proxy-3, not 2`);
  return problems;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle) - 1] ?? 0)) / 2;
}
