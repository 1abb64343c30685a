import { createHash, randomBytes } from "node:crypto";
import { visible } from "../lib/names.ts";
import { parseNetwork } from "../lib/networks.ts";
import { withAdmin } from "./admin-client.ts";
import { type CommandContext, type ExitCode, type ParsedOptions, parseCommand, textOption, wrongUsage } from "./command.ts";

const text = { type: "string" } as const;
const options = {
  ...{ groups: text, networks: text, expires: text },
  ...{ admin: text, person: text, email: text, provider: text },
  config: { type: "string", short: "c" },
  json: { type: "boolean" },
} as const;

/** `vestibule token add|list|end`: tokens of programs, and those that people made for theirs. */
export async function token(context: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(context.args, options, 2);
  if (parsed.kind === "usage") return wrongUsage(context.terminal, "token", parsed.message);
  const [verb, named] = parsed.positionals;
  if (verb === "add" && named !== undefined) return addToken(context, parsed.options, named);
  if (verb === "list" && named === undefined) return listTokens(context, parsed.options);
  if (verb === "end" && named !== undefined) return endToken(context, parsed.options, named);
  return wrongUsage(context.terminal, "token", "write token add NAME, token list or token end HANDLE");
}

/**
 * `vestibule token add NAME`: a new token for a caller that is no person, shown once, and the lines for the configuration, which keeps its
 * hash only. 256 random bits need no slow hash: nothing can be guessed.
 */
function addToken({ terminal }: CommandContext, given: ParsedOptions, name: string): ExitCode {
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) return wrongUsage(terminal, "token", "NAME is lower-case letters, digits and hyphens");
  const [groups, networks] = [splitList(textOption(given, "groups")), splitList(textOption(given, "networks"))];
  const wrong = networks.find((network) => parseNetwork(network) === null);
  if (wrong !== undefined) return wrongUsage(terminal, "token", `'${wrong}' is not a network such as 10.0.0.0/8`);
  const expires = textOption(given, "expires") ?? inOneYear(new Date());
  if (!/^\d{4}-\d{2}-\d{2}$/.test(expires) || Number.isNaN(Date.parse(expires)))
    return wrongUsage(terminal, "token", `'${expires}' is not a date such as 2027-06-30`);
  const value = `vst_${name}_${randomBytes(32).toString("base64url")}`;
  const lists = [
    ["groups", groups],
    ["networks", networks],
  ] as const;
  const more = lists
    .filter(([, list]) => list.length > 0)
    .map(([key, list]) => `, ${key}: [${list.map((one) => JSON.stringify(one)).join(", ")}]`);
  terminal.out(`${value}\n`);
  terminal.err("\nThis token is shown only now. Under serviceTokens: write\n\n");
  terminal.err(`  ${name}: { hash: "${hashOfToken(value)}"${more.join("")}, expires: ${expires} }\n\n`);
  terminal.err("A caller sends it as Authorization: Bearer TOKEN, or as the password of Basic with the user name NAME.\n");
  return 0;
}

interface Listed {
  readonly handle: string;
  readonly name: string;
  readonly person: { readonly provider: string; readonly subject: string; readonly email: string | null };
  readonly startedAt: string;
  readonly lastSeenAt: string;
  readonly expiresAt: string;
  readonly apps: readonly object[];
}

/** People's own tokens at the running gateway: whose, since when, used when. Never the tokens themselves: nothing has them. */
function listTokens(context: CommandContext, given: ParsedOptions): Promise<ExitCode> {
  const query = new URLSearchParams();
  for (const name of ["person", "email", "provider"]) {
    const value = textOption(given, name);
    if (value !== null) query.set(name, value);
  }
  return withAdmin(given, context, async (client) => {
    let cursor: string | null = null;
    do {
      if (cursor !== null) query.set("cursor", cursor);
      const page = (await client.call("GET", `/tokens?${query}`)) as { tokens: readonly Listed[]; next: string | null };
      for (const one of page.tokens) context.terminal.out(given.json === true ? `${JSON.stringify(one)}\n` : lineOf(one));
      cursor = page.next;
    } while (cursor !== null);
    return 0;
  });
}

function lineOf({ handle, name, person, startedAt, lastSeenAt, expiresAt, apps }: Listed): string {
  const used = apps.length === 0 ? "never used" : `used ${lastSeenAt}`;
  return `${visible(`${handle}  ${person.email ?? person.subject} (${person.provider})  ${name}  made ${startedAt}  ${used}  until ${expiresAt}`)}\n`;
}

function endToken(context: CommandContext, given: ParsedOptions, handle: string): Promise<ExitCode> {
  return withAdmin(given, context, async (client) => {
    await client.call("DELETE", `/tokens/${encodeURIComponent(handle)}`);
    context.terminal.out("1 token ended\n");
    return 0;
  });
}

/** What the configuration keeps of a token. */
export function hashOfToken(value: string): string {
  return `sha256:${createHash("sha256").update(value).digest("hex")}`;
}

function inOneYear(from: Date): string {
  return new Date(from.getTime() + 365 * 86_400_000).toISOString().slice(0, 10);
}

function splitList(text: string | null): readonly string[] {
  return (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
