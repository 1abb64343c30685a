import { request } from "node:http";
import { byStatus, startLoad } from "./load.ts";
import { descriptors, processesOf, residentMb, residentOf } from "./processes.ts";
import { type FaultRig, type SignedIn, startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "soak with logins, logouts, refreshes and aborts; nobody reads the log",
  run: async (trial) => {
    const rig = await startFaultRig(trial, { instances: 1, workers: 2, direct: true, top: "limits: { loginsPerAddress: 100000 }" });
    const gateway = rig.instances[0]?.process;
    if (gateway === undefined) throw new Error("no instance");
    const idle = descriptors(gateway.pid);
    let turn = 0;
    rig.idp.script.token = (good) => {
      turn += 1;
      return { json: { ...good, refresh_token: `token-${turn}` } };
    };
    const people = await rig.signIn(50);
    const load = startLoad(trial.pick(200, 100), (count) => rig.get(people[count % 50] ?? null));
    const busy = everythingElse(rig);
    const minutes = trial.pick(30, 0.2);
    await letPass(trial.pick(120_000, 8_000));
    const sizes: number[] = [];
    const began = performance.now();
    while (performance.now() - began < minutes * 60_000) {
      sizes.push(residentMb(gateway.pid));
      if (sizes.length % 300 === 0) trial.say(`after ${sizes.length / 60} minutes: ${shares(gateway.pid)}`);
      await letPass(1_000);
    }
    const slope = slopeOf(sizes) * 60;
    await busy.stop();
    const failed = busy.failures();
    const told = `${busy.done()} done, ${failed.length} failed${failed.length > 0 ? ` (${failed.join(", ")})` : ""}`;
    trial.hold("logins, logouts, refreshes, aborts", failed.length === 0, told, "0 failed");
    const all = await load.stop();
    trial.hold(
      "requests",
      all.every(({ status }) => status === 200),
      byStatus(all),
      "all 200",
    );
    // Seconds say nothing about a slope: garbage collection alone moves more.
    if (trial.short) trial.say(`memory: ${sizes[0]?.toFixed(0)} to ${sizes.at(-1)?.toFixed(0)} MB; too short for a slope`);
    else trial.hold("memory, MB a minute", slope < 1, slope, "< 1");
    await letPass(trial.pick(80_000, 3_000));
    // By then the connections that clients and upstreams keep in reserve have been closed.
    const after = descriptors(gateway.pid);
    trial.hold(
      "descriptors",
      trial.short ? after - idle <= 100 : Math.abs(after - idle) <= 5,
      `${idle} before the load, ${after} after`,
      "± 5; kept connections in the short form",
    );
    await silence(trial.pick(30, 5), rig, people[0], (what, ok, figure, must) => trial.hold(what, ok, figure, must));
    await rig.verify();
  },
};

/** Visitors who come, go, are refreshed, and give up half-way. */
function everythingElse(rig: FaultRig) {
  let going = true;
  let done = 0;
  const failures: number[] = [];
  const expect = (ok: boolean, status = 0) => {
    done += 1;
    if (!ok) failures.push(status);
  };
  const journeys = async () => {
    while (going) {
      const visitor = rig.visitor();
      const login = await visitor.browse(`${rig.origin}/`);
      expect(login.status === 200, login.status);
      const logout = await visitor.visit(`${rig.origin}/_vestibule/logout`, { headers: { "sec-fetch-site": "same-origin" } });
      expect(logout.status < 400, logout.status);
      const tokens = { idToken: null, accessToken: "old", refreshToken: "token-0", accessTokenExpiresAt: Date.now() };
      const [one] = await rig.signIn(1, { tokens, refreshAt: Date.now() - 1_000, principal: { subject: "alice" } });
      const refreshed = await rig.get(one ?? null);
      expect(refreshed.status === 200, refreshed.status);
      await abort(rig, one);
      expect(true);
      await letPass(100);
    }
  };
  const running = Promise.all([journeys(), journeys()]);
  return {
    done: () => done,
    failures: () => failures,
    stop: async () => {
      going = false;
      await running;
    },
  };
}

function abort(rig: FaultRig, who: SignedIn | undefined): Promise<void> {
  return new Promise((resolve) => {
    const headers = { host: rig.host, cookie: who?.cookie ?? "" };
    const sent = request({ port: rig.instances[0]?.port ?? 0, path: "/bytes?n=10000000", headers, agent: false }, (response) =>
      response.once("data", () => sent.destroy()),
    );
    sent.on("error", () => undefined);
    sent.on("close", () => resolve());
    sent.end();
  });
}

const shares = (pid: number) =>
  `${processesOf(pid)
    .map((each) => `${residentOf(each).toFixed(0)} MB`)
    .join(", ")} in its processes`;

/** Megabytes a second, by least squares. */
function slopeOf(sizes: readonly number[]): number {
  const middle = (sizes.length - 1) / 2;
  const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  const [up, down] = sizes.reduce(([a, b], size, at) => [a + (at - middle) * (size - mean), b + (at - middle) ** 2], [0, 0]);
  return down === 0 ? 0 : up / down;
}

/** Standard output is not read: proxying goes on, and what was dropped is counted. */
async function silence(
  seconds: number,
  rig: FaultRig,
  who: SignedIn | undefined,
  hold: (what: string, ok: boolean, figure: string | number, must: string) => void,
): Promise<void> {
  const gateway = rig.instances[0]?.process;
  if (gateway === undefined || who === undefined) throw new Error("no instance");
  gateway.pauseOutput();
  const path = `/${"long-path/".repeat(200)}`;
  const load = startLoad(400, () => rig.get(who, { path }));
  await letPass(seconds * 1_000);
  const all = await load.stop();
  const { body } = await rig.admin("/metrics");
  gateway.resumeOutput();
  const dropped = Number(/^vestibule_log_lines_dropped_total (\d+)/m.exec(body)?.[1] ?? 0);
  hold(
    "requests while nobody reads the log",
    all.every(({ status }) => status === 200),
    byStatus(all),
    "all 200",
  );
  const bytes = all.length * (path.length + 300);
  hold("log lines dropped and counted", bytes < 5_000_000 || dropped > 0, dropped, "> 0 once the buffer of 4 MB is full");
}
