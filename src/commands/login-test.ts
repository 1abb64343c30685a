import { createInterface } from "node:readline";
import { loadSettings } from "../config/load.ts";
import { formatProblems, withoutControls } from "../config/problems/report.ts";
import { asGatewayError } from "../core/errors.ts";
import { formatOrigin } from "../core/origin.ts";
import type { Principal } from "../core/session.ts";
import type { Settings } from "../core/settings.ts";
import { within } from "../lib/timing.ts";
import { composeExplain } from "../process/check.ts";
import { beginLoginTest, type LoginTest } from "../process/login-test.ts";
import { type CommandContext, configFile, type ExitCode, parseCommand, type Terminal, textOption, wrongUsage } from "./command.ts";
import { identityWords } from "./ldap-test.ts";

const options = { config: { type: "string", short: "c" } } as const;
const patienceMs = 10 * 60_000;
const longestValue = 300;

/** `vestibule login-test PROVIDER`: one real login in the operator's browser, and what comes of it. No session is made. */
export async function loginTest({ args, env, terminal }: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(args, options, 1);
  if (parsed.kind === "usage") return wrongUsage(terminal, "login-test", parsed.message);
  const [id] = parsed.positionals;
  if (id === undefined) return wrongUsage(terminal, "login-test", "the provider is missing");
  const loaded = loadSettings(configFile(textOption(parsed.options, "config"), env), env);
  if (!loaded.ok) {
    terminal.err(formatProblems(loaded.problems, { colour: terminal.colour.err }));
    return 1;
  }
  const { settings } = loaded;
  if (!settings.providers.some((provider) => provider.id === id)) {
    terminal.err(
      `vestibule login-test: there is no provider '${id}'; providers are ${settings.providers.map((one) => one.id).join(", ")}\n`,
    );
    return 1;
  }
  try {
    const test = await beginLoginTest(settings, id);
    try {
      return await follow(test, settings, terminal);
    } finally {
      await test.close();
    }
  } catch (error) {
    const { code, message } = asGatewayError(error);
    terminal.err(`vestibule login-test: the login cannot begin: ${code}: ${withoutControls(message)}\n`);
    return 1;
  }
}

async function follow(test: LoginTest, settings: Settings, terminal: Terminal): Promise<ExitCode> {
  terminal.out(`Open this address in a browser and sign in:\n\n  ${test.url}\n\n`);
  terminal.out(test.listens ? `Waiting for the answer at ${test.answersAt}\n` : byHand(test));
  const lines = test.listens ? null : createInterface({ input: process.stdin });
  lines?.on("line", (line) => {
    if (line.trim() !== "") test.bring(line);
  });
  try {
    const outcome = await within(patienceMs, test.outcome, () => null);
    if (outcome === null) {
      terminal.err("vestibule login-test: no answer came within ten minutes\n");
      return 1;
    }
    terminal.out(claimWords(test.claims()));
    if (!outcome.ok) {
      terminal.out(`\nthe login is refused\n  ${outcome.error.code}: ${withoutControls(outcome.error.message)}\n`);
      return 1;
    }
    const { principal } = outcome.vouched;
    terminal.out(`\nwho that becomes\n${withoutControlsInLines(identityWords(principal))}`);
    terminal.out(`  ${"strength".padEnd(9)} ${withoutControls(principal.acr ?? "(not stated)")}\n`);
    terminal.out(`\nwhat opens\n${accessWords(settings, principal)}`);
    terminal.out("\nNothing was changed: no session was made.\n");
    return 0;
  } finally {
    lines?.close();
  }
}

const byHand = ({ answersAt }: LoginTest) =>
  `The listeners are taken, so the gateway runs. Your browser ends at a page of it that says no to this login: at
${answersAt}?…
Copy that address from the browser and paste it here, with Enter. (SAML: paste the value of SAMLResponse, from the browser's network tools.)
`;

const withoutControlsInLines = (text: string) => text.split("\n").map(withoutControls).join("\n");

/** Every claim with its value: this is the operator's own login. */
function claimWords(claims: Readonly<Record<string, unknown>> | null): string {
  if (claims === null) return "\nwhat the provider says\n  (no claims came)\n";
  const names = Object.keys(claims).sort();
  const width = Math.min(Math.max(...names.map((name) => name.length), 4), 30);
  const lines = names.map((name) => `  ${withoutControls(name).padEnd(width)} ${shown(claims[name])}\n`);
  return `\nwhat the provider says\n${lines.join("")}`;
}

function shown(value: unknown): string {
  const text = withoutControls(JSON.stringify(value) ?? "");
  return text.length <= longestValue ? text : `${text.slice(0, longestValue)}… (${text.length} characters)`;
}

/** What each app's first page would say to this person, by the rules. */
function accessWords(settings: Settings, principal: Principal): string {
  const { groups } = principal;
  if (groups.kind === "unknown")
    return `  not told: the groups are unknown (${withoutControls(groups.why)}), and rules about groups refuse then\n`;
  const explain = composeExplain(settings);
  const { subject, email, name, provider, acr, claims } = principal;
  return settings.apps
    .flatMap(({ hosts }) => hosts.filter((host) => !host.startsWith("*")).slice(0, 1))
    .map((host) => {
      const url = `${formatOrigin({ ...settings.auth.origin, hostname: host })}/`;
      const as = { subject, email, name, groups: groups.names, provider, acr, claims };
      const { outcome, why } = explain({ url, method: "GET", as, address: null, at: Date.now(), websocket: false });
      return `  ${outcome.padEnd(7)} ${url}  ${withoutControls(why)}\n`;
    })
    .join("");
}
