import { check } from "./check.ts";
import type { Command } from "./command.ts";
import { explainCommand } from "./explain-command.ts";
import type { CommandName } from "./help.ts";
import { schema } from "./schema.ts";
import { serve } from "./serve.ts";

/** Every command by its name. */
export const commands: Readonly<Record<CommandName, Command>> = { serve, check, explain: explainCommand, schema };
