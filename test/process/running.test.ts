import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { AuditEvent } from "../../src/core/audit-events.ts";
import { run, type Serving, type ServingDeps, type Start } from "../../src/process/running.ts";
import { aFolder, loadText, minimal, settingsOf } from "../config/write-config.ts";
import { freePort } from "../support/free-port.ts";

const never = (): never => {
  throw new Error("not asked for here");
};

/** What serves nothing, and notes what becomes of it. */
function aServing({ settings }: Start, change: Partial<Serving>): { readonly serving: Serving; readonly calls: string[] } {
  const calls: string[] = [];
  const noted = (name: string) => async () => void calls.push(name);
  const serving: Serving = {
    ...{ sessions: never, tokens: never, fleet: { publish: async () => {}, published: async () => ({ texts: [], unreadable: 0 }) } },
    ...{
      people: null,
      settings: () => settings,
      state: async () => ({}),
      metricsText: async () => "",
      listen: async () => [],
      putInForce: never,
    },
    ...{ close: noted("close"), release: noted("release"), abandon: never },
    ...change,
  } as unknown as Serving;
  return { serving, calls };
}

async function aStart() {
  const file = join(aFolder(), "audit.jsonl");
  const port = await freePort();
  const settings = settingsOf(loadText(`${minimal}admin: { address: "127.0.0.1:${port}" }\naudit: { file: { file: ${file} } }\n`));
  const admin = () => fetch(`http://127.0.0.1:${port}/healthz`).then(({ status }) => status);
  return { start: { settings, warnings: [], version: "1" }, audited: () => readFileSync(file, "utf8"), admin };
}

const last: AuditEvent = { event: "reload", outcome: "rejected", detail: "the last line" };

test("what cannot be closed is said at the end, and costs neither the rest of the end nor the last audit line", async () => {
  const { start, audited, admin } = await aStart();
  let deps: ServingDeps | null = null;
  const { serving, calls } = aServing(start, {
    close: async () => {
      deps?.logs.audit(last);
      throw new Error("the upstreams hold on");
    },
  });
  const running = await run(start, (given) => {
    deps = given;
    return serving;
  });
  expect(await admin()).toBe(200);
  await expect(running.drain(0)).rejects.toThrow("the upstreams hold on");
  expect(calls).toEqual(["release"]);
  expect(audited()).toContain("the last line");
  await expect(admin()).rejects.toThrow();
});

test("a configuration that cannot be composed costs no line that was written before", async () => {
  const { start, audited } = await aStart();
  const failing = run(start, ({ logs }) => {
    logs.audit(last);
    throw new Error("not to be had");
  });
  await expect(failing).rejects.toThrow("not to be had");
  expect(audited()).toContain("the last line");
});
