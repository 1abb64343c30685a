import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startApplications } from "./applications.ts";
import { choosePorts, type DemoPorts, withPorts } from "./ports.ts";
import { startProviders } from "./providers.ts";
import { missingForTickets, startTickets } from "./tickets.ts";
import { welcome } from "./welcome.ts";

const root = new URL("../..", import.meta.url).pathname;
const written = join(root, "config/demo.yaml");
const say = (text: string) => void process.stdout.write(text);

process.exitCode = await demo();

/** Starts everything, prints what to try, and runs until Ctrl-C. */
async function demo(): Promise<number> {
  const { values } = parseArgs({ options: { port: { type: "string" }, verbose: { type: "boolean", short: "v" } } });
  const wantedPort = values.port === undefined ? null : Number(values.port);
  if (wantedPort !== null && !(Number.isInteger(wantedPort) && wantedPort > 0 && wantedPort < 65_536)) {
    say(`--port wants a port number, not '${values.port}'\n`);
    return 2;
  }
  const ports = await choosePorts(wantedPort);
  if (ports === null) {
    say(`Port ${wantedPort} is taken by another program. Leave --port out to have a free one chosen.\n`);
    return 1;
  }
  const folder = await mkdtemp(join(tmpdir(), "vestibule-demo-"));
  const parts: { close(): Promise<void> }[] = [];
  try {
    parts.push(...(await startProviders(ports)), ...(await startApplications(ports)));
    const configuration = join(folder, "demo.yaml");
    await writeFile(configuration, withPorts(await readFile(written, "utf8"), ports));
    const tickets = ticketsFor(ports, parts);
    const code = await runGateway(configuration, ports, values.verbose === true, tickets);
    await tickets;
    return code;
  } finally {
    await Promise.all(parts.map((part) => part.close()));
    await rm(folder, { recursive: true, force: true });
  }
}

/** Starts sign-on by ticket where its parts are there, and answers what to say of it. A demo without it is a demo still. */
async function ticketsFor(ports: DemoPorts, parts: { close(): Promise<void> }[]): Promise<string> {
  const missing = missingForTickets();
  if (missing.length > 0) return `\nSign-on by ticket (Kerberos) is left out. It needs: apt-get install ${missing.join(" ")} krb5-user\n`;
  try {
    const tickets = await startTickets(ports);
    parts.push(tickets);
    return tickets.words;
  } catch (error) {
    return `\nSign-on by ticket (Kerberos) is left out: ${error instanceof Error ? error.message : String(error)}\n`;
  }
}

/** The gateway as an operator starts it, in a process of its own. */
async function runGateway(configuration: string, ports: DemoPorts, verbose: boolean, tickets: Promise<string>): Promise<number> {
  const child = spawn(process.execPath, [join(root, "src/main.ts"), "serve", "--config", configuration], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // Ctrl-C reaches this process only, which then stops everything in order
  });
  const log: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      if (verbose) say(text);
      else log.splice(0, log.length, ...[...log, text].slice(-50));
    });
  }
  const exited = new Promise<number>((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
  let stopping = false;
  const stop = () => {
    if (stopping) child.kill("SIGKILL");
    stopping = true;
    child.kill("SIGTERM");
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  process.once("exit", () => child.kill("SIGKILL"));

  if (await untilReady(ports.admin, () => child.exitCode !== null || child.signalCode !== null))
    say(welcome(ports, process.stdout.isTTY === true));
  void tickets.then((words) => {
    if (!stopping && child.exitCode === null) say(words);
  });
  const code = await exited;
  if (stopping) {
    say("\nStopped.\n");
    return 0;
  }
  say(`${log.join("")}\nThe gateway ended by itself (${code}).\n`);
  return 1;
}

async function untilReady(adminPort: number, isOver: () => boolean): Promise<boolean> {
  while (!isOver()) {
    const response = await fetch(`http://127.0.0.1:${adminPort}/readyz`).catch(() => null);
    await response?.body?.cancel();
    if (response?.status === 200) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}
