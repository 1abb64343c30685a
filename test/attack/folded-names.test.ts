import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { allow, deny } from "../support/policy-builders.ts";
import { exchange } from "../support/raw-client.ts";

/** Windows, IIS and others serve what they hold as `/admin` under many names. Everything else is public here; the visitor is no admin. */
let gateway: InProcessGateway;
let cookie: string;
beforeAll(async () => {
  gateway = await startGatewayInProcess({
    routes: [
      { path: "/", public: [{ method: null, glob: "/**" }] },
      { path: "/admin", access: [allow({ groups: ["admins"] })] },
      { path: "/Reports", access: [deny({ paths: ["/reports/Secret*/**"] }), allow({ groups: ["staff"] })] },
    ],
  });
  ({ cookie } = await gateway.signIn());
});
afterAll(() => gateway.close());
beforeEach(() => gateway.upstream.forget());

const get = (path: string, credentials = cookie, to = gateway) =>
  exchange(to, `GET ${path} HTTP/1.1\r\nHost: wiki.acme.example\r\nCookie: ${credentials}\r\nConnection: close\r\n\r\n`);

test.each([
  "/Admin",
  "/ADMIN/x",
  "/%41dmin",
  "/admin.",
  "/admin...",
  "/admin%20",
  "/admin%20./x",
  "/admin%C2%A0",
  "/admin::$DATA",
  "/admin::$data",
  "/admin:$I30:$INDEX_ALLOCATION/x",
  "/%EF%BD%81dmin",
  "/%ef%bc%a1%ef%bc%a4%ef%bc%ad%ef%bc%a9%ef%bc%ae",
  "/ad%E2%80%8Bmin",
  "/admin%EF%BB%BF/x",
  "/adm%C4%B1n%CC%87/../x",
  "/adm%C4%B1n",
  "/Report%C5%BF/Secrets/x",
  "/%EF%BC%8Fadmin",
  "//Admin",
  "/Admin;x=1",
  "/%2541dmin",
  "/Reports/Secrets/x",
  "/reports/SECRETS/x",
])("%s is never served past the rules of /admin", async (path) => {
  expect([400, 403]).toContain((await get(path)).statuses[0]);
  expect(gateway.upstream.requests).toEqual([]);
});

test("a path that has dot segments once it is folded is refused", async () => {
  expect((await get("/x/%EF%BC%8E%EF%BC%8E/admin")).statuses).toEqual([400]);
  expect(gateway.upstream.requests).toEqual([]);
});

test("an admin reaches it under every name, byte for byte", async () => {
  const admin = await gateway.signIn({ subject: "root", groups: { kind: "known", names: ["admins"] } });
  for (const path of ["/Admin/x", "/admin%20", "/admin::$DATA"]) expect((await get(path, admin.cookie)).statuses).toEqual([200]);
  expect(gateway.upstream.requests.map((request) => request.target)).toEqual(["/Admin/x", "/admin%20", "/admin::$DATA"]);
});

test.each([
  "/Administrator",
  "/Open/Admin",
  "/wiki/Special:Upload",
  "/caf%C3%A9/%E2%80%A6",
  "/Fate%EF%BC%8FZero",
  "/a.b/C.",
  "/Assets/X.JS",
])("%s is open as it always was", async (path) => {
  expect((await get(path, "a=b")).statuses).toEqual([200]);
  expect(gateway.upstream.requests.map((request) => request.target)).toEqual([path]);
});

test("rules written in capitals hold for every spelling, and open nothing more", async () => {
  expect((await get("/Reports/x")).statuses).toEqual([200]);
  expect((await get("/Reports/x", "a=b")).statuses).toEqual([401]);
  // Open by the plain reading, closed by the folded one.
  expect((await get("/reports/x", "a=b")).statuses).toEqual([401]);
});

test("an app that says that its server does not fold has its names as they are", async () => {
  const exact = await startGatewayInProcess({
    app: { paths: { fold: false, rawBytes: true } },
    routes: [
      { path: "/", public: [{ method: null, glob: "/**" }] },
      { path: "/admin", access: [allow({ groups: ["admins"] })] },
    ],
  });
  try {
    expect((await get("/Admin", "a=b", exact)).statuses).toEqual([200]);
    // Latin-1, which this app takes; what lenient decoders read as a dot or a slash is refused all the same.
    expect((await get("/caf%E9", "a=b", exact)).statuses).toEqual([200]);
    for (const path of ["/%c0%ae%c0%ae/admin", "/%c0%afadmin", "/%e0%80%af", "/%E9%2e%2e/..", "/x/%E9/../admin"])
      expect((await get(path, "a=b", exact)).statuses).toEqual([400]);
    expect(exact.upstream.requests.map((request) => request.target)).toEqual(["/Admin", "/caf%E9"]);
  } finally {
    await exact.close();
  }
});
