import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { allow } from "../support/policy-builders.ts";
import { exchange } from "../support/raw-client.ts";

/**
 * Path confusion: a path that the gateway reads as open and the upstream reads as `/admin`. Everything outside `/admin` is public here, and
 * `/admin` is for admins; the visitor is signed in and no admin.
 */
let gateway: InProcessGateway;
let cookie: string;
beforeAll(async () => {
  gateway = await startGatewayInProcess({
    routes: [
      { path: "/", public: [{ method: null, glob: "/**" }] },
      { path: "/admin", access: [allow({ groups: ["admins"] })] },
    ],
  });
  ({ cookie } = await gateway.signIn());
});
afterAll(() => gateway.close());
beforeEach(() => gateway.upstream.forget());

const get = (path: string, credentials = cookie) =>
  exchange(gateway, `GET ${path} HTTP/1.1\r\nHost: wiki.acme.example\r\nCookie: ${credentials}\r\nConnection: close\r\n\r\n`);

test.each([
  { path: "/open/../admin" },
  { path: "/open/./admin" },
  { path: "/open/%2e%2e/admin" },
  { path: "/open/%2E%2e/admin" },
  { path: "/open/.%2e/admin" },
  { path: "/open/%2e/admin" },
  { path: "/open/..%2fadmin" },
  { path: "/open/..%5cadmin" },
  { path: "/open%2f..%2fadmin" },
  { path: "/open/..;/admin" },
  { path: "/open/..;x=y/admin" },
  { path: "/open/%2e%2e;/admin" },
  { path: "/open/..%3b/admin" },
  { path: "/open/.;/admin" },
  { path: "/open/%252e%252e/admin" },
  { path: "/open/%252e%252e%252fadmin" },
  { path: "/open/..%252fadmin" },
  { path: "/open/%ff%252e%252e%252fadmin" },
  { path: "/.." },
  { path: "/open/.." },
  { path: "/open/..%00/admin" },
  { path: "/open%00/admin" },
  { path: "/admin%00" },
  { path: "/open%0d%0aX:y" },
  { path: "/open%7f" },
  { path: "/open\\..\\admin" },
  { path: "\\admin" },
  { path: "/open\\admin" },
  { path: "/open/%c0%ae%c0%ae/admin" },
  { path: "/%c0%afadmin" },
  { path: "/%e0%80%afadmin" },
  { path: "/%ff" },
  { path: "/%ed%a0%80" },
  { path: "/%f5%80%80%80" },
  { path: "/%" },
  { path: "/%2" },
  { path: "/%zz" },
  { path: "/%u002e" },
])("$path is ambiguous and refused", async ({ path }) => {
  const answer = await get(path);
  expect(answer.statuses).toEqual([400]);
  expect(gateway.upstream.requests).toEqual([]);
});

test.each([
  { path: "/admin" },
  { path: "/admin/" },
  { path: "/admin/x" },
  { path: "/%61dmin" },
  { path: "/%61%64%6d%69%6e/x" },
  { path: "//admin" },
  { path: "///admin//x" },
  { path: "/%2fadmin" },
  { path: "/%2Fadmin" },
  { path: "/%5cadmin" },
  { path: "/admin%2fx" },
  { path: "/admin;x=y" },
  { path: "/admin;/x" },
  { path: "/admin%3bx" },
  { path: "/;x/admin" },
  { path: "/%3bx/admin" },
  { path: "/;x%2fadmin" },
  { path: "/%2561dmin" },
  { path: "/%252fadmin" },
  { path: "/admin?/open" },
  { path: "/admin?x=../open" },
])("$path may be the admin's page to an upstream, so its rules count", async ({ path }) => {
  const answer = await get(path);
  expect(answer.statuses).toEqual([403]);
  expect(gateway.upstream.requests).toEqual([]);
});

test.each([
  { path: "/administrator" },
  { path: "/open/admin" },
  { path: "/open?x=/../admin;%2e%2e%00" },
  { path: "/Open/%41%7e" },
  { path: "/caf%c3%a9/%E2%82%AC/%f0%9f%98%80" },
  { path: "/a%20b/...%2ffile" },
  { path: "/.well-known/x" },
  { path: "/a;v=1/b" },
  { path: "/a//b/" },
  { path: "/100%25" },
  { path: "/%2525" },
  { path: "/..a/b../...c" },
])("$path is open and goes out byte for byte", async ({ path }) => {
  const answer = await get(path);
  expect(answer.statuses).toEqual([200]);
  expect(gateway.upstream.requests.map((request) => request.target)).toEqual([path]);
});

test("an admin's own unusual path goes out byte for byte, with the admin's identity", async () => {
  const admin = await gateway.signIn({ subject: "root", groups: { kind: "known", names: ["admins"] } });
  const answer = await get("/%61dmin//x;y=1?a=%2e%2e", admin.cookie);
  expect(answer.statuses).toEqual([200]);
  expect(gateway.upstream.requests.map((request) => request.target)).toEqual(["/%61dmin//x;y=1?a=%2e%2e"]);
  expect(gateway.upstream.requests[0]?.headerValues("remote-user")).toEqual(["root"]);
});

test.each([
  { path: "/_vestibule" },
  { path: "/_vestibule/" },
  { path: "/_vestibule/x" },
  { path: "/%5fvestibule/session" },
  { path: "/%5Fvestibule%2fsession" },
  { path: "//_vestibule/session" },
  { path: "/_vestibule;x/session" },
  { path: "/;x/_vestibule/session" },
  { path: "/%255fvestibule/session" },
  { path: "/%5c_vestibule/session" },
])("$path belongs to the gateway and never reaches an upstream, public as everything is", async ({ path }) => {
  const answer = await get(path);
  expect(answer.answers[0]?.header("x-request-id")).not.toBeNull();
  expect(gateway.upstream.requests).toEqual([]);
});

test("a path that only looks like the gateway's own is the app's", async () => {
  expect((await get("/_vestibules/x")).statuses).toEqual([200]);
  expect((await get("/x/_vestibule/y")).statuses).toEqual([200]);
  expect(gateway.upstream.requests).toHaveLength(2);
});
