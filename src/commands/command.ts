import type { ExitCode, Terminal } from "./terminal.ts";

/** What every command gets: its arguments, the environment and a place to write. */
export interface CommandContext {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  readonly version: string;
}
export type Command = (context: CommandContext) => Promise<ExitCode>;

/** The configuration file that a command means. */
export function configFile(option: string | null, env: CommandContext["env"]): string {
  return option ?? env.VESTIBULE_CONFIG ?? "vestibule.yaml";
}

/** Tells of wrong usage in one line and gives exit code 2. */
export function wrongUsage(terminal: Terminal, command: string, message: string): ExitCode {
  terminal.err(`vestibule ${command}: ${message}; see 'vestibule ${command} --help'\n`);
  return 2;
}
