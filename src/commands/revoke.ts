import { withAdmin } from "./admin-client.ts";
import { type CommandContext, type ExitCode, parseCommand, wrongUsage } from "./command.ts";

const options = { config: { type: "string", short: "c" }, admin: { type: "string" }, "dry-run": { type: "boolean" } } as const;

/** `vestibule revoke PERSON`: ends all sessions of a person, named by subject or e-mail address, at every provider. */
export async function revoke(context: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(context.args, options, 1);
  if (parsed.kind === "usage") return wrongUsage(context.terminal, "revoke", parsed.message);
  const [person] = parsed.positionals;
  if (person === undefined) return wrongUsage(context.terminal, "revoke", "name the person: a subject or an e-mail address");
  const dryRun = parsed.options["dry-run"] === true;
  return withAdmin(parsed.options, context, async (client) => {
    const end = async (named: object) => ((await client.call("POST", "/sessions/end", { ...named, dryRun })) as { ended: number }).ended;
    // A subject may look like an address, and an address may be nobody's subject: both are meant.
    const byAddress = person.includes("@") ? await end({ email: person }) : 0;
    const bySubject = await end({ person });
    const ended = dryRun ? Math.max(byAddress, bySubject) : byAddress + bySubject;
    context.terminal.out(`${ended} session${ended === 1 ? "" : "s"} ${dryRun ? "would end" : "ended"}\n`);
    return 0;
  });
}
