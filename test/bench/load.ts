import { execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** What is asked of one server, again and again, over `connections` kept-alive connections. */
export interface Load {
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** One for each request in turn; empty for none. */
  readonly cookies: readonly string[];
}
export interface Measured {
  readonly requests: number;
  readonly seconds: number;
  /** Anything but a complete answer with status 200 (with wrk: below 400). */
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}
export type Generator = (load: Load, seconds: number, skip: number) => Promise<Measured>;

const connections = 64;
const here = new URL(".", import.meta.url).pathname;

/** wrk where it is installed, else a generator of our own. */
export function chooseGenerator(folder: string): { readonly name: string; readonly run: Generator } {
  const wrk = isInstalled("wrk");
  return { name: `${wrk ? "wrk" : "node:http"}, ${connections} connections`, run: wrk ? wrkGenerator(folder) : ownGenerator };
}

function wrkGenerator(folder: string): Generator {
  return async (load, seconds, skip) => {
    const headersFile = join(folder, `${load.name}.headers`);
    const cookiesFile = load.cookies.length === 0 ? "-" : join(folder, `${load.name}.cookies`);
    const headers = { host: new URL(load.url).host, ...load.headers };
    writeFileSync(
      headersFile,
      Object.entries(headers)
        .map(([name, value]) => `${name}: ${value}`)
        .join("\n"),
    );
    if (load.cookies.length > 0) writeFileSync(cookiesFile, load.cookies.join("\n"));
    const wrk = ["-t1", `-c${connections}`, `-d${Math.max(1, Math.round(seconds))}s`, "-s", join(here, "wrk.lua"), load.url];
    const output = await outputOf("wrk", [...wrk, "--", headersFile, cookiesFile, String(skip), new URL(load.url).pathname], "");
    return JSON.parse(/^RESULT (.*)$/m.exec(output)?.[1] ?? "") as Measured;
  };
}

const ownGenerator: Generator = async ({ url, headers, cookies }, seconds, skip) => {
  const job = JSON.stringify({ url, headers: { host: new URL(url).host, ...headers }, cookies, skip });
  return JSON.parse(
    await outputOf(process.execPath, [join(here, "servers/generator.ts"), String(connections), String(seconds)], job),
  ) as Measured;
};

function outputOf(command: string, args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.once("error", reject);
    child.once("close", (code) => (code === 0 ? resolve(output) : reject(new Error(`${command} ended with ${code}: ${output}`))));
    child.stdin.end(input);
  });
}

/** Whether a program is on PATH or where Debian keeps servers. */
export function isInstalled(program: string): boolean {
  try {
    execFileSync("sh", ["-c", `PATH="$PATH:/usr/sbin"; command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
