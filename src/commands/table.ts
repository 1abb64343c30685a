import type { Command } from "./command.ts";
import type { CommandName } from "./help.ts";

/** Every command by its name, loaded when it is called: `--help` need not wait for a whole gateway. */
export const commands: Readonly<Record<CommandName, () => Promise<Command>>> = {
  serve: async () => (await import("./serve.ts")).serve,
  check: async () => (await import("./check.ts")).check,
  explain: async () => (await import("./explain-command.ts")).explainCommand,
  metadata: async () => (await import("./metadata.ts")).metadata,
  schema: async () => (await import("./schema.ts")).schema,
};
