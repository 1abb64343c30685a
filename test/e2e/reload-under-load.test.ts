import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { cookieLine } from "../support/cookie-line.ts";
import { eventually } from "../support/eventually.ts";
import { type LiveUpstream, startLiveUpstream } from "../support/live-upstream.ts";
import { type Rig, signIn, startRig } from "../support/rig.ts";
import { startSteadyLoad } from "../support/steady-load.ts";
import { newVisitor, type Visitor } from "../support/visitor.ts";

let rig: Rig;
let live: LiveUpstream;
let host: string;
beforeAll(async () => {
  live = await startLiveUpstream();
  rig = await startRig({
    top: `  - name: Live\n    host: live.localhost\n    upstream: ${live.url}\n    access:\n      - allow: { groups: [staff, admins] }\n`,
  });
  host = `live.localhost:${rig.port}`;
});
afterAll(async () => {
  await rig.close();
  await live.close();
});

const reloads = (outcome: string) => rig.gateway.logged((line) => line.audit === "reload" && line.outcome === outcome);
const open = async (visitor: Visitor) => {
  const headers = { host, cookie: cookieLine(visitor, "live.localhost"), origin: `http://${host}` };
  const socket = new WebSocket(`ws://127.0.0.1:${rig.port}/socket`, { headers });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  return socket;
};

test("twenty bad files change nothing, a good one does, and no request fails meanwhile", async () => {
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "alice");
  const headers = { host: `wiki.localhost:${rig.port}`, cookie: cookieLine(visitor, "wiki.localhost") };
  const load = startSteadyLoad({ port: rig.port, path: "/x", headers });
  const connections = rig.wiki.connections;
  for (let bad = 1; bad <= 20; bad += 1) {
    await rig.gateway.rewriteConfig(rig.yaml.replace("- allow: { groups: [staff] }", `- alow: { groups: [staff${bad}] }`));
    rig.gateway.signal("SIGHUP");
    await eventually(() => expect(reloads("rejected").length).toBeGreaterThanOrEqual(bad), { timeoutMs: 10_000 });
  }
  expect(reloads("applied")).toEqual([]);
  await rig.gateway.rewriteConfig(
    `${rig.yaml}  - { host: new.localhost, upstream: "${live.url}", access: [{ allow: { anyone: true } }] }\n`,
  );
  rig.gateway.signal("SIGHUP");
  await eventually(() => expect(reloads("applied").length).toBeGreaterThan(0), { timeoutMs: 10_000 });
  expect((await visitor.visit(`http://new.localhost:${rig.port}/`)).status).toBe(302);
  expect(await load.stop()).toEqual([]);
  expect(load.answered()).toBeGreaterThan(50);
  expect(reloads("applied")[0]?.changes).toEqual({ added: ["app new.localhost", "route new.localhost/"], removed: [], changed: [] });
  // An unchanged upstream keeps its connections over a reload.
  expect(rig.wiki.connections - connections).toBeLessThanOrEqual(6);
});

test("changed rules reach WebSockets that are open: who lost access is cut off, who kept it is not", async () => {
  const [alice, bob] = [newVisitor(), newVisitor()];
  await signIn(alice, `http://${host}/`, "alice");
  await signIn(bob, `http://${host}/`, "bob");
  const [hers, his] = [await open(alice), await open(bob)];
  const cut = new Promise((resolve) => his.once("close", resolve));
  await rig.gateway.rewriteConfig(rig.yaml.replace("groups: [staff, admins]", "groups: [admins]"));
  const applied = await eventually(
    () => {
      const line = reloads("applied").find(({ changes }) => JSON.stringify(changes).includes("live.localhost/ (access)"));
      if (line === undefined) throw new Error("not applied yet");
      return Date.parse(String(line.time));
    },
    { timeoutMs: 10_000 },
  );
  await cut;
  // By the reload, not by the look that is taken every quarter of a minute.
  expect(Date.now() - applied).toBeLessThan(5_000);
  expect(hers.readyState).toBe(WebSocket.OPEN);
  const echo = new Promise<string>((resolve) => hers.once("message", (data) => resolve(String(data))));
  hers.send("still here");
  expect(await echo).toBe("alice: still here");
  hers.close();
});
