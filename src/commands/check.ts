import { loadSettings } from "../config/load.ts";
import { formatProblems, withoutControls } from "../config/problems/report.ts";
import type { Clock } from "../core/clock.ts";
import type { Explanation } from "../core/explanation.ts";
import type { PolicyTest } from "../core/rules.ts";
import type { Settings } from "../core/settings.ts";
import { composeExplain, openForCheck } from "../process/check.ts";
import { type CommandContext, configFile, type ExitCode, parseCommand, type Terminal, textOption, wrongUsage } from "./command.ts";
import { checkOnline, type OnlineResult } from "./online.ts";
import { formatUrls, urlsToRegister } from "./urls.ts";

const options = { config: { type: "string", short: "c" }, online: { type: "boolean" }, json: { type: "boolean" } } as const;

/** `vestibule check`: shape and meaning, then the file's own tests, then (with --online) everything that it points at. */
export async function check({ args, env, terminal }: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(args, options, 0);
  if (parsed.kind === "usage") return wrongUsage(terminal, "check", parsed.message);
  const file = configFile(textOption(parsed.options, "config"), env);
  const json = parsed.options.json === true;
  const loaded = loadSettings(file, env);
  if (!loaded.ok) {
    if (json) terminal.out(`${JSON.stringify({ ok: false, problems: loaded.problems }, null, 2)}\n`);
    else terminal.err(formatProblems(loaded.problems, { colour: terminal.colour.err }));
    return 1;
  }
  const { settings, warnings, notes } = loaded;
  if (!json) terminal.err(formatProblems(warnings, { colour: terminal.colour.err, kind: "warning" }));
  if (!json) for (const note of notes) terminal.out(`note: ${withoutControls(`${note.key}: ${note.message}`)}\n`);
  const failures = checkTests(settings, Date.now);
  if (!json) tellTests(terminal, file, settings, failures);
  const online = parsed.options.online === true ? await reachOut(settings, json ? () => {} : (result) => tellOnline(terminal, result)) : [];
  const register = parsed.options.online === true ? urlsToRegister(settings) : [];
  if (!json && register.length > 0) terminal.out(`\nregistered there?\n${formatUrls(register)}`);
  const ok = failures.length === 0 && online.every((result) => result.ok);
  if (json)
    terminal.out(
      `${JSON.stringify({ ok, warnings, notes, tests: { run: settings.tests.length, failures }, online, register }, null, 2)}\n`,
    );
  return ok ? 0 : 1;
}

function tellTests(terminal: Terminal, file: string, settings: Settings, failures: readonly TestFailure[]): void {
  terminal.err(formatTestFailures(failures, { colour: terminal.colour.err }));
  const routes = settings.apps.reduce((sum, app) => sum + app.routes.length, 0);
  const counts = [counted(settings.apps.length, "app"), counted(routes, "route"), counted(settings.providers.length, "provider")];
  const all = settings.tests.length;
  const tests = `${all - failures.length} of ${counted(all, "policy test")} ${all === 1 ? "holds" : "hold"}`;
  terminal.out(`${file}: ${counts.join(", ")}; ${tests}\n`);
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;

function tellOnline(terminal: Terminal, { what, ok, detail }: OnlineResult): void {
  const [mark, colour] = ok ? ["ok    ", 32] : ["failed", 31];
  // A SAML provider has several lines to say: they stand under the first.
  const text = detail.replaceAll("\n", `\n${" ".repeat(mark.length + 1)}`);
  terminal.out(`${terminal.colour.out ? `\u001b[${colour}m${mark}\u001b[0m` : mark} ${what}: ${text}\n`);
}

async function reachOut(settings: Settings, report: (result: OnlineResult) => void): Promise<readonly OnlineResult[]> {
  const results: OnlineResult[] = [];
  const parts = openForCheck(settings);
  try {
    await checkOnline(settings, parts, (result) => {
      results.push(result);
      report(result);
    });
  } finally {
    await parts.close();
  }
  return results;
}

/** One entry of `tests:` that the configuration does not meet. */
interface TestFailure {
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
  const explain = composeExplain(settings);
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
