import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type Rig, signIn, startRig } from "../support/rig.ts";
import { newVisitor } from "../support/visitor.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.close());

const reloads = (outcome: string) => rig.gateway.logged((line) => line.audit === "reload" && line.outcome === outcome).length;

test("a changed file is taken up by itself: new rules for old sessions, without a login", async () => {
  const visitor = newVisitor();
  expect((await signIn(visitor, `${rig.urls.wiki}/`, "bob")).status).toBe(200);
  await rig.gateway.rewriteConfig(rig.yaml.replace("- allow: { groups: [staff] }", "- allow: { groups: [admins] }"));
  await eventually(async () => expect((await visitor.visit(`${rig.urls.wiki}/`)).status).toBe(403), { timeoutMs: 10_000 });
  await rig.gateway.rewriteConfig(rig.yaml);
  await eventually(async () => expect((await visitor.visit(`${rig.urls.wiki}/`)).status).toBe(200), { timeoutMs: 10_000 });
  await eventually(() => expect(reloads("applied")).toBe(2));
});

test("a bad file changes nothing and its problems are logged with their lines", async () => {
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "bob");
  const before = reloads("rejected");
  await rig.gateway.rewriteConfig(rig.yaml.replace("groups: [staff]", "groups: []"));
  rig.gateway.signal("SIGHUP");
  await eventually(() => expect(reloads("rejected")).toBeGreaterThan(before), { timeoutMs: 10_000 });
  expect((await visitor.visit(`${rig.urls.wiki}/`)).status).toBe(200);
  expect(rig.gateway.lines.join("\n")).toContain("access[0].allow.groups");
  await rig.gateway.rewriteConfig(rig.yaml);
});

test("a reload refills no login limit", async () => {
  const other = await startRig({ top: "limits: { loginsPerAddress: 10 }\n" });
  try {
    const ask = async () => (await newVisitor().visit(`${other.urls.auth}/_vestibule/login?wish=x`)).status;
    const askOften = async () => (await Promise.all(Array.from({ length: 15 }, ask))).filter((status) => status !== 429).length;
    expect(await askOften()).toBe(10);
    await other.gateway.rewriteConfig(other.yaml.replace("- allow: { groups: [staff] }", "- allow: { groups: [admins] }"));
    other.gateway.signal("SIGHUP");
    const applied = () => other.gateway.logged((line) => line.audit === "reload" && line.outcome === "applied").length;
    await eventually(() => expect(applied()).toBe(1), { timeoutMs: 10_000 });
    expect(await askOften()).toBe(0);
  } finally {
    await other.close();
  }
});

test("SIGTERM lets what is in flight finish, and exits with 0", async () => {
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "alice");
  let release: () => void = () => {};
  rig.wiki.answerWith(() => (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
    release = () => void socket.write("done");
  });
  const cookie = [...visitor.cookies("wiki.localhost")].map(([name, value]) => `${name}=${value}`).join("; ");
  const body = new Promise<string>((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port: rig.port, path: "/slow", headers: { host: `wiki.localhost:${rig.port}`, cookie } },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
          if (text !== "half") return;
          rig.gateway.signal("SIGTERM");
          eventually(async () => expect((await fetch(`http://127.0.0.1:${rig.adminPort}/readyz`)).status).toBe(503)).then(
            () => release(),
            reject,
          );
        });
        response.on("end", () => resolve(text));
        response.on("error", reject);
      },
    );
    sent.on("error", reject);
    sent.end();
  });
  expect(await body).toBe("halfdone");
  expect(await rig.gateway.exited).toBe(0);
});
