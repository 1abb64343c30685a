import { expect, onTestFinished, test } from "vitest";
import { createServiceManager } from "../../src/commands/service-manager.ts";
import { eventually } from "../support/eventually.ts";
import { type NotifySocket, openNotifySocket } from "../support/notify-socket.ts";

async function aSocket(): Promise<NotifySocket> {
  const socket = await openNotifySocket();
  onTestFinished(() => socket.close());
  return socket;
}
test("the service manager is told of start, reload and stop, in this order", async () => {
  const socket = await aSocket();
  const failures: string[] = [];
  const manager = createServiceManager(socket.env, (message) => failures.push(message));
  const before = process.hrtime.bigint() / 1_000n;
  manager.ready();
  manager.reloading();
  manager.ready();
  manager.stopping();
  await eventually(() => expect(socket.messages).toHaveLength(4));
  expect(failures).toEqual([]);
  const [ready, reloading, again, stopping] = socket.messages;
  expect([ready, again]).toEqual(["READY=1|STATUS=serving", "READY=1|STATUS=serving"]);
  expect(stopping).toMatch(/^STOPPING=1\|/);
  const at = BigInt(/^RELOADING=1\|MONOTONIC_USEC=(\d+)\|/.exec(reloading ?? "")?.[1] ?? "0");
  expect(at >= before && at <= process.hrtime.bigint() / 1_000n).toBe(true);
});

test("the watchdog is fed twice in its time, from the first READY on", async () => {
  const socket = await aSocket();
  const manager = createServiceManager({ ...socket.env, WATCHDOG_USEC: "200000", WATCHDOG_PID: String(process.pid) }, () => {});
  manager.ready();
  manager.ready();
  await eventually(() => expect(socket.messages.filter((message) => message === "WATCHDOG=1").length).toBeGreaterThan(2));
  expect(socket.messages[0]).toMatch(/^READY=1/);
});

test.each([
  { when: "there is no service manager", env: {} },
  { when: "its variable is empty", env: { NOTIFY_SOCKET: "" } },
])("nothing is run when $when", async ({ env }) => {
  const failures: string[] = [];
  const managerOf = (name: string, variables: Record<string, string>) =>
    createServiceManager({ ...variables, PATH: "/nowhere" }, () => failures.push(name));
  const manager = managerOf("silent", env);
  manager.ready();
  manager.reloading();
  manager.stopping();
  // One that does try comes later, and fails: by then the first one would have.
  managerOf("other", { NOTIFY_SOCKET: "/nowhere/notify" }).ready();
  await eventually(() => expect(failures).toContain("other"));
  expect(failures).toEqual(["other"]);
});

test("without systemd-notify it is said once, and the gateway goes on", async () => {
  const told: string[] = [];
  const manager = createServiceManager({ NOTIFY_SOCKET: "/nowhere/notify", PATH: "/nowhere" }, (message) => told.push(message));
  manager.ready();
  manager.stopping();
  await eventually(() => expect(told).toHaveLength(1));
  expect(told[0]).toContain("READY=1");
});

test("somebody else's watchdog is not fed", async () => {
  const socket = await aSocket();
  const manager = createServiceManager({ ...socket.env, WATCHDOG_USEC: "2000", WATCHDOG_PID: "1" }, () => {});
  manager.ready();
  manager.reloading();
  manager.stopping();
  await eventually(() => expect(socket.messages).toHaveLength(3));
  expect(socket.messages.join()).not.toContain("WATCHDOG");
});
