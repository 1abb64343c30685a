#!/usr/bin/env node
import cluster from "node:cluster";
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { type ExitCode, endProcess, endWorker, type Terminal } from "./commands/command.ts";
import { type CommandName, commandHelp, generalHelp } from "./commands/help.ts";
import { commands } from "./commands/table.ts";

// Before anything else is loaded: a primary can be killed at any moment. Ahead of Node's own listener, which waits for threads.
if (cluster.isWorker) process.prependListener("disconnect", endWorker);

// V8 puts objects straight into the old generation once enough of their kind survived, as the first requests of a slow moment do. From then
// on each such object keeps a whole ended request alive until the next full collection, and collecting costs more than proxying.
setFlagsFromString("--no-allocation-site-pretenuring");
// What large bodies leave behind is collected after 8 MB of it. By itself V8 waits for 128 MB, in every process, until it looks.
setFlagsFromString("--scavenger-max-new-space-capacity-mb=2");

const env = process.env;
const args = process.argv.slice(2);
const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  colour: {
    out: process.stdout.isTTY === true && !env.NO_COLOR,
    err: process.stderr.isTTY === true && !env.NO_COLOR,
  },
};

// A reader that has seen enough (`vestibule schema | head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // A gateway goes on without its log: lines that cannot be written are counted.
  if (error.code === "EPIPE" || args[0] === "serve") return;
  terminal.err(`vestibule: standard output cannot be written: ${error.message}\n`);
  process.exitCode = 1;
});
// The last resort for messages: when it is full as well, no message can be written.
process.stderr.on("error", () => {});

const exitCode = await run(args);
// Lines that wait for a reader who has stopped had their time; neither they nor a thread that hangs may keep a stopped gateway alive.
if (args[0] === "serve") endProcess(exitCode, env);
process.exitCode = exitCode;

async function run(args: readonly string[]): Promise<ExitCode> {
  const [first, ...rest] = args;
  if (first === undefined) {
    terminal.err(generalHelp);
    return 2;
  }
  if (first === "--help" || first === "-h" || first === "help") {
    const topic = rest[0];
    terminal.out(topic !== undefined && isCommand(topic) ? commandHelp[topic] : generalHelp);
    return 0;
  }
  if (first === "--version") {
    terminal.out(`${version()}\n`);
    return 0;
  }
  if (!isCommand(first)) {
    terminal.err(`vestibule: there is no command '${first}'; see 'vestibule --help'\n`);
    return 2;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    terminal.out(commandHelp[first]);
    return 0;
  }
  const command = await commands[first]();
  return command({ args: rest, env, terminal, version: version() });
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(commandHelp, name);
}

/** The version of the package this file belongs to, in a clone and in the built form alike. */
function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "unknown";
}
