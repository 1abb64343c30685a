import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "../../src/commands/command.ts";
import { env } from "../config/environment.ts";
import { aFolder } from "../config/write-config.ts";

/** What a command wrote and how it ended. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one command as main.ts would, with what it writes kept. */
export async function runCommand(command: Command, args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const [out, err]: [string[], string[]] = [[], []];
  const terminal = {
    out: (text: string) => void out.push(text),
    err: (text: string) => void err.push(text),
    colour: { out: false, err: false },
  };
  const code = await command({ args, env: { ...env, ...more }, terminal, version: "test" });
  return { code, out: out.join(""), err: err.join("") };
}

/** A configuration in a folder of its own, with files beside it. */
export function aConfig(text: string, files: Readonly<Record<string, string>> = {}): string {
  const folder = aFolder();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const file = join(folder, "vestibule.yaml");
  writeFileSync(file, text);
  return file;
}
