import { openForCheck } from "../compose-check.ts";
import { loadSettings } from "../config/load.ts";
import { formatProblems } from "../config/problems.ts";
import type { Settings } from "../core/settings.ts";
import { parseCommand, textOption } from "./arguments.ts";
import { checkTests, formatTestFailures, type TestFailure } from "./check-tests.ts";
import { type CommandContext, configFile, wrongUsage } from "./command.ts";
import { checkOnline, type OnlineResult } from "./online.ts";
import type { ExitCode, Terminal } from "./terminal.ts";

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
  const { settings, warnings } = loaded;
  if (!json) terminal.err(formatProblems(warnings, { colour: terminal.colour.err, kind: "warning" }));
  const failures = checkTests(settings, Date.now);
  if (!json) tellTests(terminal, file, settings, failures);
  const online = parsed.options.online === true ? await reachOut(settings, json ? () => {} : (result) => tellOnline(terminal, result)) : [];
  const ok = failures.length === 0 && online.every((result) => result.ok);
  if (json) terminal.out(`${JSON.stringify({ ok, warnings, tests: { run: settings.tests.length, failures }, online }, null, 2)}\n`);
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
