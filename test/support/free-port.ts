import { randomInt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { takeForRun } from "./owned.ts";

/*
 * A port that was merely free a moment ago may be somebody else's when the server that it was meant for gets there: the kernel hands the same
 * one to the next that asks for any port, or to a connection that leaves. A test then takes another test's server for its own.
 */

/** Below what the kernel hands out by itself, above the last port (10080) that browsers and `fetch` refuse to ask. */
const range = { from: 10_100, below: ephemeralFrom() };
const tries = 1_000;

/** A loopback port that is free, that the kernel gives to nobody who asks for any port, and that no other test of this run gets. */
export async function freePort(): Promise<number> {
  for (let count = 0; count < tries; count += 1) {
    const port = randomInt(range.from, range.below);
    if (takeForRun(`port-${port}`) && (await isFree(port))) return port;
  }
  throw new Error(`no free port between ${range.from} and ${range.below}`);
}

/** Several different free ports. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort());
  return ports;
}

/** Whether a server could listen there now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

function ephemeralFrom(): number {
  const file = "/proc/sys/net/ipv4/ip_local_port_range";
  const first = existsSync(file) ? Number(readFileSync(file, "utf8").split(/\s+/)[0]) : 32_768;
  return Math.max(20_000, first);
}
