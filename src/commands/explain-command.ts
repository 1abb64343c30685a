import { isIP } from "node:net";
import { loadSettings } from "../config/load.ts";
import { formatProblems } from "../config/problems/report.ts";
import type { AsWhom, Question } from "../core/explanation.ts";
import { exitCodeOf, explanationJson, formatExplanation } from "../gateway/explain/explanation.ts";
import { composeExplain } from "../process/check.ts";
import {
  type CommandContext,
  configFile,
  type ExitCode,
  type ParsedOptions,
  parseCommand,
  textOption,
  type UsageProblem,
  wrongUsage,
} from "./command.ts";

const options = {
  config: { type: "string", short: "c" },
  "as-user": { type: "string" },
  email: { type: "string" },
  name: { type: "string" },
  groups: { type: "string" },
  provider: { type: "string" },
  acr: { type: "string" },
  claim: { type: "string", multiple: true },
  method: { type: "string" },
  address: { type: "string" },
  at: { type: "string" },
  websocket: { type: "boolean" },
  json: { type: "boolean" },
} as const;

/** `vestibule explain … URL`: 0 when the request would reach the app, 1 when not, 2 for a question that makes no sense. */
export async function explainCommand({ args, env, terminal }: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(args, options, 1);
  if (parsed.kind === "usage") return wrongUsage(terminal, "explain", parsed.message);
  const question = readQuestionOptions(parsed.options, withScheme(parsed.positionals[0], "https"));
  if ("kind" in question) return wrongUsage(terminal, "explain", question.message);
  const loaded = loadSettings(configFile(textOption(parsed.options, "config"), env), env);
  if (!loaded.ok) {
    terminal.err(formatProblems(loaded.problems, { colour: terminal.colour.err }));
    return 1;
  }
  const url = withScheme(parsed.positionals[0], loaded.settings.auth.origin.scheme) ?? question.url;
  const explanation = composeExplain(loaded.settings)({ ...question, url });
  terminal.out(
    parsed.options.json === true ? explanationJson(explanation) : formatExplanation(explanation, { colour: terminal.colour.out }),
  );
  return exitCodeOf(explanation);
}

/** People type `wiki.acme.example/admin`, as in a browser. */
function withScheme(address: string | undefined, scheme: string): string | undefined {
  if (address === undefined || /^[a-z][a-z0-9+.-]*:\/\//i.test(address)) return address;
  // A bare word is more likely a slip than a host.
  return /^(?:[^\s/?#]+\.[^\s/?#]+|\[[^\s\]]+\](?::\d+)?|localhost(?::\d+)?)(?:[/?#]|$)/.test(address) ? `${scheme}://${address}` : address;
}

function readQuestionOptions(given: ParsedOptions, url: string | undefined): Question | UsageProblem {
  const usage = (message: string): UsageProblem => ({ kind: "usage", message });
  if (url === undefined) return usage("the URL is missing");
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return usage(`'${url}' is not an http or https URL`);
  const address = textOption(given, "address");
  if (address !== null && isIP(address) === 0) return usage(`'${address}' is not an IP address`);
  const at = textOption(given, "at");
  const time = at === null ? Date.now() : Date.parse(at);
  if (Number.isNaN(time)) return usage(`'${at}' is not a time in ISO 8601, such as 2026-05-04T09:30:00+02:00`);
  const claims = readClaims(given.claim);
  if (claims === null) return usage("--claim wants NAME=VALUE or NAME=VALUE,VALUE");
  const method = (textOption(given, "method") ?? "GET").toUpperCase();
  return { url, method, as: readVisitor(given, claims), address, at: time, websocket: given.websocket === true };
}

/** Null when nothing names a visitor: an anonymous request. */
function readVisitor(given: ParsedOptions, claims: Readonly<Record<string, readonly string[]>>): AsWhom | null {
  const [subject, email, name, groups, provider, acr] = ["as-user", "email", "name", "groups", "provider", "acr"].map((option) =>
    textOption(given, option),
  );
  if ([subject, email, name, groups, provider, acr].every((value) => value == null) && Object.keys(claims).length === 0) return null;
  return {
    subject: subject ?? null,
    email: email ?? null,
    name: name ?? null,
    groups: splitList(groups ?? ""),
    provider: provider ?? null,
    acr: acr ?? null,
    claims,
  };
}

function readClaims(given: unknown): Readonly<Record<string, readonly string[]>> | null {
  const claims = new Map<string, string[]>();
  for (const text of Array.isArray(given) ? given.map(String) : []) {
    const at = text.indexOf("=");
    if (at < 1) return null;
    const name = text.slice(0, at);
    claims.set(name, [...(claims.get(name) ?? []), ...splitList(text.slice(at + 1))]);
  }
  return Object.fromEntries(claims);
}

function splitList(text: string): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
