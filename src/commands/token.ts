import { createHash, randomBytes } from "node:crypto";
import { parseNetwork } from "../lib/networks.ts";
import { type CommandContext, type ExitCode, parseCommand, textOption, wrongUsage } from "./command.ts";

const options = { groups: { type: "string" }, networks: { type: "string" }, expires: { type: "string" } } as const;

/**
 * `vestibule token add NAME`: a new token for a caller that is no person, shown once, and the lines for the configuration, which keeps its
 * hash only. 256 random bits need no slow hash: nothing can be guessed.
 */
export async function token({ args, terminal }: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(args, options, 2);
  if (parsed.kind === "usage") return wrongUsage(terminal, "token", parsed.message);
  const [verb, name] = parsed.positionals;
  if (verb !== "add" || name === undefined) return wrongUsage(terminal, "token", "write token add NAME");
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) return wrongUsage(terminal, "token", "NAME is lower-case letters, digits and hyphens");
  const [groups, networks] = [splitList(textOption(parsed.options, "groups")), splitList(textOption(parsed.options, "networks"))];
  const wrong = networks.find((network) => parseNetwork(network) === null);
  if (wrong !== undefined) return wrongUsage(terminal, "token", `'${wrong}' is not a network such as 10.0.0.0/8`);
  const expires = textOption(parsed.options, "expires") ?? inOneYear(new Date());
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
