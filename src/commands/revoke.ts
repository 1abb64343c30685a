import { withAdmin } from "./admin-client.ts";
import { type CommandContext, type ExitCode, parseCommand, wrongUsage } from "./command.ts";

const options = { config: { type: "string", short: "c" }, admin: { type: "string" }, "dry-run": { type: "boolean" } } as const;

/** `vestibule revoke PERSON`: ends all sessions and tokens of a person, named by subject or e-mail address, at every provider. */
export async function revoke(context: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(context.args, options, 1);
  if (parsed.kind === "usage") return wrongUsage(context.terminal, "revoke", parsed.message);
  const [person] = parsed.positionals;
  if (person === undefined) return wrongUsage(context.terminal, "revoke", "name the person: a subject or an e-mail address");
  const dryRun = parsed.options["dry-run"] === true;
  return withAdmin(parsed.options, context, async (client) => {
    /** A subject may look like an address, and an address may be another person's subject: both are meant. */
    const end = async (what: "sessions" | "tokens") => {
      const ask = async (named: object) => ((await client.call("POST", `/${what}/end`, { ...named, dryRun })) as { ended: number }).ended;
      const byAddress = person.includes("@") ? await ask({ email: person }) : 0;
      const bySubject = await ask({ person });
      return dryRun ? Math.max(byAddress, bySubject) : byAddress + bySubject;
    };
    // First: ending the sessions of a person ends the tokens as well, and they are to be counted.
    const [tokens, sessions] = [await end("tokens"), await end("sessions")];
    const counted = tokens === 0 ? counts(sessions, "session") : `${counts(sessions, "session")} and ${counts(tokens, "token")}`;
    context.terminal.out(`${counted} ${dryRun ? "would end" : "ended"}\n`);
    return 0;
  });
}

const counts = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "s"}`;
