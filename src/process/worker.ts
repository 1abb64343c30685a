import { flushCompileCache } from "node:module";
import type { Address } from "../core/settings.ts";
import { pause } from "../lib/timing.ts";
import { createMetrics, type MetricsRegistry } from "../observe/metrics.ts";
import { composeGateway, type Gateway, type PreparedVersion } from "./gateway.ts";
import { composeLogs, type Logs } from "./parts.ts";
import { lastLinesMs, tryAll } from "./running.ts";
import { type FromWorker, type ToWorker, unpackSettings, type WorkerReport } from "./workers/messages.ts";

/** The pipe to the primary. */
export interface WorkerChannel {
  send(message: FromWorker, sent?: () => void): void;
  onMessage(listener: (message: ToWorker) => void): void;
  /** Ends the conversation, and with it the process. */
  close(): void;
}

/** How long the store may take to answer before the listeners open all the same. */
const storeMs = 2_000;
const lookEveryMs = 10;

interface Running {
  readonly gateway: Gateway;
  readonly registry: MetricsRegistry;
  readonly logs: Logs;
  prepared: { readonly id: number; readonly version: PreparedVersion } | null;
}

/** One of several workers: serves what the primary tells it to. Resolves with its exit code when it has been drained or cannot start. */
export function runWorker(channel: WorkerChannel): Promise<0 | 1> {
  return new Promise((resolve) => {
    let running: Running | null = null;
    let draining = false;
    const end = (code: 0 | 1) => {
      channel.close();
      resolve(code);
    };
    const fail = (error: unknown) =>
      channel.send({ kind: "failed", message: error instanceof Error ? error.message : String(error) }, () => end(1));
    channel.onMessage((message) => {
      if (message.kind === "start") {
        try {
          running = begin(message, channel);
        } catch (error) {
          return fail(error);
        }
        serve(running).then((serving) => channel.send({ kind: "serving", ...serving }), fail);
      } else if (running !== null) {
        if (message.kind !== "drain") return obey(running, channel, message);
        if (draining) return;
        draining = true;
        drain(running, channel, message.graceMs).then(() => end(0), fail);
      }
    });
    channel.send({ kind: "hello" });
  });
}

/**
 * Takes no connection before it can serve it: others listen at the same socket, and have their sessions at hand. While Redis is away for
 * everyone it is better to say so than not to answer.
 */
async function serve(running: Running): Promise<{ readonly addresses: readonly Address[]; readonly report: WorkerReport }> {
  const { gateway } = running;
  // For the successor: what was compiled once is loaded in half the time. Before requests wait, for it stops everything.
  flushCompileCache();
  const patience = Date.now() + storeMs;
  while (!gateway.health().store.reachable && Date.now() < patience) await pause(lookEveryMs);
  const addresses = await gateway.listen();
  return { addresses, report: await reportOf(running) };
}

function begin(message: Extract<ToWorker, { kind: "start" }>, channel: WorkerChannel): Running {
  const [started, settings] = [unpackSettings(message.started), unpackSettings(message.settings)];
  const registry = createMetrics({ version: message.version });
  const own = composeLogs(started.log, registry);
  const audit: Logs["audit"] = (event) => {
    own.audit(event);
    channel.send({ kind: "audited", event });
  };
  const logs = { ...own, audit };
  return { gateway: composeGateway({ started, settings, logs, registry, version: message.version }), registry, logs, prepared: null };
}

function obey(running: Running, channel: WorkerChannel, message: Exclude<ToWorker, { kind: "start" | "drain" }>): void {
  const { prepared } = running;
  switch (message.kind) {
    case "report":
      reportOf(running).then(
        (report) => channel.send({ kind: "report", id: message.id, report }),
        (error: unknown) => running.logs.log.error({ error }, "this worker could not report"),
      );
      return;
    case "prepare":
      try {
        running.prepared = { id: message.id, version: running.gateway.prepare(unpackSettings(message.settings)) };
        channel.send({ kind: "prepared", id: message.id });
      } catch (error) {
        channel.send({ kind: "refused", id: message.id, message: error instanceof Error ? error.message : String(error) });
      }
      return;
    default:
      // A worker that must commit what it could not prepare is of no use: its successor begins with that version.
      if (prepared?.id !== message.id && message.kind === "commit")
        throw new Error("a version was agreed on that this worker does not have");
      if (prepared?.id !== message.id) return;
      running.prepared = null;
      prepared.version[message.kind]();
  }
}

async function reportOf({ gateway, registry }: Running): Promise<WorkerReport> {
  return { ...gateway.health(), metrics: await registry.text() };
}

async function drain(running: Running, channel: WorkerChannel, graceMs: number): Promise<void> {
  const lastReport = async () => {
    const report = await reportOf(running);
    await new Promise<void>((resolve) => channel.send({ kind: "report", id: 0, report }, resolve));
  };
  await tryAll([() => running.gateway.close(graceMs), lastReport, () => running.logs.writer.flush(lastLinesMs)]);
}
