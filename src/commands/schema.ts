import { configurationSchema } from "../config/json-schema.ts";
import { type CommandContext, type ExitCode, parseCommand, wrongUsage } from "./command.ts";

/** `vestibule schema`: the JSON Schema of the configuration file on standard output. */
export async function schema({ args, terminal }: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(args, {}, 0);
  if (parsed.kind === "usage") return wrongUsage(terminal, "schema", parsed.message);
  terminal.out(`${JSON.stringify(configurationSchema(), null, 2)}\n`);
  return 0;
}
