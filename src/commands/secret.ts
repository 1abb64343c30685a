import { randomBytes } from "node:crypto";
import { type CommandContext, type ExitCode, parseCommand, wrongUsage } from "./command.ts";

/** `vestibule secret`: one new value for `sessions.secret`, on a line of its own. 256 bits from the system's generator. */
export async function secret({ args, terminal }: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(args, {}, 0);
  if (parsed.kind === "usage") return wrongUsage(terminal, "secret", parsed.message);
  terminal.out(`${randomBytes(32).toString("base64")}\n`);
  return 0;
}
