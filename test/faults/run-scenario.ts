import type { Finding, Scenario } from "./scenario.ts";

/** How one scenario went. */
export interface Verdict {
  readonly number: number;
  readonly title: string;
  readonly ok: boolean;
  readonly seconds: number;
  readonly findings: readonly Finding[];
  readonly error: string | null;
}

const tickMs = 20;
const longestMs = { full: 90 * 60_000, short: 90_000 };

/** Runs it to the end or to the time limit, cleans up after it, and never rejects. */
export async function runScenario(
  number: number,
  scenario: Scenario,
  { short, print }: { readonly short: boolean; readonly print: (line: string) => void },
): Promise<Verdict> {
  const began = Date.now();
  const findings: Finding[] = [];
  const cleaning: (() => unknown)[] = [];
  print(`\n== ${number}. ${scenario.title}`);
  const limit = new AbortController();
  const cleanUp = async () => {
    for (const clean of cleaning.splice(0)) {
      await Promise.resolve()
        .then(clean)
        .catch((failure: unknown) => print(`   cleaning: ${String(failure)}`));
    }
  };
  // Gateways and servers must not outlive who started them.
  const interrupted = () => void cleanUp().then(() => process.exit(130));
  process.on("SIGINT", interrupted).on("SIGTERM", interrupted);
  let stalled = 0;
  let last = performance.now();
  const clockwork = setInterval(() => {
    const now = performance.now();
    stalled = Math.max(stalled, now - last - tickMs);
    last = now;
  }, tickMs);
  let error: string | null = null;
  try {
    const run = scenario.run({
      short,
      pick: (full, quick) => (short ? quick : full),
      later: (clean) => void cleaning.unshift(clean),
      slackMs: () => stalled,
      say: (line) => print(`   ${line}`),
      hold: (what, ok, given, must) => {
        const figure = typeof given === "number" ? String(Math.round(given * 10) / 10) : given;
        findings.push({ what, figure, must, ok });
        print(`   ${ok ? "ok  " : "FAIL"} ${what}: ${figure} (${must})`);
      },
    });
    await Promise.race([run, timeLimit(short ? (scenario.shortLimitMs ?? longestMs.short) : longestMs.full, limit.signal)]);
  } catch (failure) {
    error = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
    print(`   FAIL ${error}`);
  }
  limit.abort();
  clearInterval(clockwork);
  process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
  await cleanUp();
  if (stalled > 100) print(`   the machine stood still for up to ${Math.round(stalled)} ms`);
  const ok = error === null && findings.every((finding) => finding.ok);
  return { number, title: scenario.title, ok, seconds: Math.round((Date.now() - began) / 1000), findings, error };
}

function timeLimit(ms: number, signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const timer = setTimeout(() => reject(new Error(`not over after ${ms / 1000} s`)), ms);
    signal.addEventListener("abort", () => clearTimeout(timer));
  });
}
