import { accessSync, constants } from "node:fs";
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { nearest } from "../config/problems/suggest.ts";

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

/** Wrong usage: the command line itself is off. Exit code 2, with a sentence that says what to write instead. */
export interface UsageProblem {
  readonly kind: "usage";
  readonly message: string;
}
export type ParsedOptions = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
export interface ParsedCommand {
  readonly kind: "command";
  readonly options: ParsedOptions;
  readonly positionals: readonly string[];
}

/** Parses what follows a command's name. Unknown options and missing values are usage problems, never guesses. */
export function parseCommand(
  args: readonly string[],
  options: ParseArgsOptionsConfig,
  maxPositionals: number,
): ParsedCommand | UsageProblem {
  try {
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    const extra = parsed.positionals[maxPositionals];
    const isFile = extra !== undefined && "config" in options && /\.ya?ml$/.test(extra);
    if (extra !== undefined)
      return { kind: "usage", message: `unexpected argument '${extra}'${isFile ? `: write --config ${extra}` : ""}` };
    return { kind: "command", options: parsed.values as ParsedOptions, positionals: parsed.positionals };
  } catch (error) {
    // parseArgs explains at length how to pass a value that begins with a dash; the first sentence is enough here.
    const text = error instanceof Error ? error.message : String(error);
    const unknown = /^Unknown option '(-+)([^']*)'/.exec(text);
    const guess = unknown === null ? null : nearest(unknown[2] ?? "", Object.keys(options));
    const hint = guess === null ? "" : `; did you mean '--${guess}'?`;
    return { kind: "usage", message: `${text.split(". ")[0] ?? text}${hint}` };
  }
}

/** The text of an option, null when it was not given. */
export function textOption(options: ParsedOptions, name: string): string | null {
  const value = options[name];
  return typeof value === "string" ? value : null;
}

/** Where a command writes and what it may assume of it. Colours only on a terminal, never with NO_COLOR. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  readonly colour: { readonly out: boolean; readonly err: boolean };
}

/** 0 good; 1 the configuration or the answer is bad; 2 wrong usage. */
export type ExitCode = 0 | 1 | 2;

/**
 * Ends a worker of `serve` that has sent its last message, or whose primary is gone. It does not use `process.exit`, for the reason that
 * `endProcess` gives, and no primary is there to kill it. Lines that were written are the primary's; without a primary they have no reader.
 */
export function endWorker(): void {
  process.kill(process.pid, "SIGKILL");
}

/**
 * Ends `serve` with this exit code, now. `process.exit` waits for all threads: one that hangs (a file on a mount that is away, a library that
 * waits for its server, V8's compiler: nodejs/node#54918) would keep the process asleep. A signal to itself has no exit code, and
 * does nothing to process 1 of a container. A process that becomes another program loses its threads whatever they do, so this one becomes a
 * program that does nothing but exit. Of `env` it gets what a program loader may need, and nothing that is meant for Node.
 */
export function endProcess(code: number, env: CommandContext["env"]): never {
  const self = ownProgram();
  if (self !== null) {
    const rest = Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith("LD_")));
    process.execve?.(self, [process.execPath, "--eval", `process.exit(${code})`], rest);
  }
  process.exit(code);
}

/** The running program, also when an upgrade has removed its file. Null where it cannot be started, for then `execve` aborts the process. */
function ownProgram(): string | null {
  for (const path of ["/proc/self/exe", process.execPath]) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next one, or none.
    }
  }
  return null;
}
