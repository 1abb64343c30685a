import { loadSettings } from "../config/load.ts";
import { formatProblems } from "../config/problems/report.ts";
import { createLookUpTxt, type DomainClaim, type LookUpTxt } from "../directory/domains.ts";
import { domainClaims } from "../process/directory.ts";
import { type CommandContext, configFile, type ExitCode, parseCommand, textOption, wrongUsage } from "./command.ts";

const options = {
  config: { type: "string", short: "c" },
  check: { type: "boolean" },
  server: { type: "string" },
  json: { type: "boolean" },
} as const;

/** A record that must be entered, and what a look for it gave. */
export interface ClaimSeen extends DomainClaim {
  /** Null = it was not looked for. */
  readonly found: boolean | null;
  readonly detail: string;
}

/** `vestibule domains`: the DNS records that prove mail domains, ready to paste; with `--check`, whether they are there. */
export async function domains({ args, env, terminal }: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(args, options, 0);
  if (parsed.kind === "usage") return wrongUsage(terminal, "domains", parsed.message);
  const server = textOption(parsed.options, "server");
  const lookUp = lookUpAt(server);
  if (lookUp === null) return wrongUsage(terminal, "domains", `--server ${server} is no address: write 127.0.0.1 or 127.0.0.1:5353`);
  const loaded = loadSettings(configFile(textOption(parsed.options, "config"), env), env);
  if (!loaded.ok) {
    terminal.err(formatProblems(loaded.problems, { colour: terminal.colour.err }));
    return 1;
  }
  const claims = domainClaims(loaded.settings);
  const seen = await Promise.all(claims.map((claim) => (parsed.options.check === true ? seeClaim(claim, lookUp) : unseen(claim))));
  if (parsed.options.json === true) terminal.out(`${JSON.stringify(seen, null, 2)}\n`);
  else
    terminal.out(
      seen.length === 0 ? "no provider has domainProof: dns with emailDomains: there is nothing to enter\n" : formatClaims(seen),
    );
  return seen.some(({ found }) => found === false) ? 1 : 0;
}

/** Looks for one record now. Never rejects. */
export async function seeClaim(claim: DomainClaim, lookUp: LookUpTxt): Promise<ClaimSeen> {
  try {
    const found = (await lookUp(claim.name)).some((text) => text.trim() === claim.value);
    return { ...claim, found, detail: found ? "the record is there" : "the record is not there" };
  } catch (error) {
    return { ...claim, found: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

const unseen = (claim: DomainClaim): ClaimSeen => ({ ...claim, found: null, detail: "not looked for" });

function lookUpAt(server: string | null): LookUpTxt | null {
  try {
    return createLookUpTxt(server === null ? [] : [server]);
  } catch {
    return null;
  }
}

/** As lines of a zone file, provider by provider. */
function formatClaims(seen: readonly ClaimSeen[]): string {
  const width = Math.max(...seen.map(({ name }) => name.length)) + 1;
  return [...new Set(seen.map(({ provider }) => provider))]
    .map((provider) => {
      const lines = seen.filter((one) => one.provider === provider).map(formatClaim(width));
      return `; ${provider}\n${lines.join("")}`;
    })
    .join("\n");
}

const formatClaim =
  (width: number) =>
  ({ name, value, found, detail }: ClaimSeen) =>
    `${`${name}.`.padEnd(width)} TXT "${value}"${found === null ? "" : ` ; ${detail}`}\n`;
