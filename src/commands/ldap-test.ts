import { loadSettings } from "../config/load.ts";
import { formatProblems } from "../config/problems/report.ts";
import type { Principal } from "../core/session.ts";
import { asLdapProvider, type LdapProvider, type Lookup } from "../login/ldap/port.ts";
import { openForCheck } from "../process/check.ts";
import { type CommandContext, configFile, type ExitCode, parseCommand, textOption, wrongUsage } from "./command.ts";

const options = { config: { type: "string", short: "c" }, provider: { type: "string" } } as const;

/** `vestibule ldap-test LOGIN`: what a directory says of a login, without its password: the entry, its groups and who that becomes. */
export async function ldapTest({ args, env, terminal }: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(args, options, 1);
  if (parsed.kind === "usage") return wrongUsage(terminal, "ldap-test", parsed.message);
  const [login] = parsed.positionals;
  if (login === undefined) return wrongUsage(terminal, "ldap-test", "the login is missing");
  const loaded = loadSettings(configFile(textOption(parsed.options, "config"), env), env);
  if (!loaded.ok) {
    terminal.err(formatProblems(loaded.problems, { colour: terminal.colour.err }));
    return 1;
  }
  const parts = openForCheck(loaded.settings);
  try {
    const wanted = textOption(parsed.options, "provider");
    const directories = parts.providers.flatMap((provider) => asLdapProvider(provider) ?? []);
    const asked = directories.filter(({ id }) => wanted === null || id === wanted);
    if (asked.length === 0) {
      const choice =
        directories.length === 0
          ? "the configuration has no ldap provider"
          : `ldap providers are ${directories.map(({ id }) => id).join(", ")}`;
      terminal.err(`vestibule ldap-test: ${wanted === null ? "" : `there is no directory '${wanted}'; `}${choice}\n`);
      return 1;
    }
    const answers: boolean[] = [];
    for (const directory of asked) answers.push(await tell(directory, login, (text) => terminal.out(text)));
    return answers.some((isFound) => isFound) ? 0 : 1;
  } finally {
    await parts.close();
  }
}

/** One directory's answer; true when a person was found who may sign in. */
async function tell(directory: LdapProvider, login: string, out: (text: string) => void): Promise<boolean> {
  out(`${directory.id} (${directory.name})\n`);
  if (!directory.canLookUp) {
    out("  has no service account: only the person's own password could say more\n");
    return false;
  }
  try {
    const found = await directory.lookUp(login);
    out(wordsOf(found));
    return found.kind === "ok";
  } catch (error) {
    out(`  ${error instanceof Error ? error.message : String(error)}\n`);
    return false;
  }
}

function wordsOf(found: Lookup): string {
  if (found.kind === "none") return `  ${found.detail}\n`;
  const attributes = [...found.entry.attributes].map(([name, values]) => `    ${name}: ${values.join(" | ")}\n`);
  const entry = `  entry     ${found.entry.dn}\n${attributes.join("")}`;
  return found.kind === "problem" ? `${entry}  may not sign in: ${found.detail}\n` : entry + identityWords(found.identity);
}

/** Who a person is here, a line for each attribute. */
export function identityWords({ subject, email, name, groups, extra }: Omit<Principal, "authenticatedAt" | "acr">): string {
  const lines = [
    ["subject", subject],
    ["email", email ?? "(none)"],
    ["name", name ?? "(none)"],
    ["groups", groups.kind === "unknown" ? `unknown: ${groups.why}` : groups.names.join(", ") || "(none)"],
    ...Object.entries(extra).map(([key, values]) => [`extra.${key}`, values.join(", ")]),
  ];
  return lines.map(([key = "", value]) => `  ${key.padEnd(9)} ${value}\n`).join("");
}
