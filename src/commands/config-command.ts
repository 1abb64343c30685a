import { loadSettings } from "../config/load.ts";
import { formatProblems } from "../config/problems/report.ts";
import { type CommandContext, configFile, type ExitCode, parseCommand, textOption, wrongUsage } from "./command.ts";
import { effectiveYaml } from "./effective.ts";

const options = { config: { type: "string", short: "c" } } as const;

/** `vestibule config`: every key in force, with the line of the file or the default that it comes from. */
export async function configCommand({ args, env, terminal }: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(args, options, 0);
  if (parsed.kind === "usage") return wrongUsage(terminal, "config", parsed.message);
  const file = configFile(textOption(parsed.options, "config"), env);
  const loaded = loadSettings(file, env);
  if (!loaded.ok) {
    terminal.err(formatProblems(loaded.problems, { colour: terminal.colour.err }));
    return 1;
  }
  terminal.out(effectiveYaml(loaded.text));
  return 0;
}
