import type { Clock } from "../core/clock.ts";
import type { PolicyTest, Settings } from "../core/settings.ts";
import { createExplain } from "./explain.ts";
import type { Explanation } from "./explanation.ts";

/** One entry of `tests:` that the configuration does not meet. */
export interface TestFailure {
  /** Where the entry stands. */
  readonly origin: string;
  readonly asked: string;
  readonly expected: PolicyTest["expect"];
  readonly got: Explanation["outcome"];
  readonly why: string;
}

/** Runs the file's own tests with the functions that judge requests. Empty = all hold. */
export function checkTests(settings: Settings, clock: Clock): readonly TestFailure[] {
  if (settings.tests.length === 0) return [];
  const explain = createExplain(settings);
  return settings.tests.flatMap((test) => {
    const at = test.at === null ? clock() : Date.parse(test.at);
    const explanation = explain({ url: test.url, method: test.method, as: test.as, address: test.address, at, websocket: false });
    if (explanation.outcome === test.expect) return [];
    const { asked, outcome } = explanation;
    return [{ origin: test.origin, asked, expected: test.expect, got: outcome, why: reasonOf(explanation) }];
  });
}

/** The decision in words, and for a refusal how each rule answered. */
function reasonOf(explanation: Explanation): string {
  if (!("readings" in explanation)) return explanation.why;
  const asked = explanation.readings.flatMap(({ rules }) => rules).filter(({ result }) => result !== "not-reached");
  return [explanation.why, ...asked.map(({ origin, result, why }) => `${origin}: ${result}, ${why}`)].join("\n");
}

/** The failures for people. */
export function formatTestFailures(failures: readonly TestFailure[], { colour }: { readonly colour: boolean }): string {
  const red = (text: string) => (colour ? `\u001b[31m${text}\u001b[0m` : text);
  return failures
    .map(({ origin, asked, expected, got, why }) => {
      const title = `${origin}: ${asked}: expected ${expected}, ${red(`got ${got}`)}`;
      return `${title}\n${why.replaceAll(/^/gm, "    ")}\n`;
    })
    .join("");
}
