import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { exchange } from "../support/raw-client.ts";

/** Our cookies are nobody else's: an application must neither read them (it could impersonate the visitor) nor write them (fixation). */
let gateway: InProcessGateway;
let cookie: string;
beforeAll(async () => {
  gateway = await startGatewayInProcess();
  ({ cookie } = await gateway.signIn());
});
afterAll(() => gateway.close());
beforeEach(() => gateway.upstream.forget());

const ask = (fields: string) => exchange(gateway, `GET / HTTP/1.1\r\nHost: wiki.acme.example\r\n${fields}Connection: close\r\n\r\n`);

test.each([
  { own: "__Host-vestibule-auth=x" },
  { own: "__host-vestibule-browser=x" },
  { own: "__Secure-vestibule=x" },
  { own: "VESTIBULE=x" },
  { own: "vestibule-login-abc=x" },
  { own: "vestibule" },
])("$own never goes upstream, its neighbours do", async ({ own }) => {
  const answer = await ask(`Cookie: a=1; ${own}; ${cookie}; b="2; 3"\r\n`);
  expect(answer.statuses).toEqual([200]);
  expect(gateway.upstream.requests[0]?.headerValues("cookie")).toEqual(['a=1; b="2; 3"']);
});

test.each([
  { other: "vestibules=x" },
  { other: "my-vestibule=x" },
  { other: "__Host-vestibul=x" },
  { other: 'a==; b= ; c;; d="x\\";" ;e=\xe9' },
])("$other is the application's and passes byte for byte", async ({ other }) => {
  await ask(`Cookie: ${cookie}\r\nCookie: ${other}\r\n`);
  expect(gateway.upstream.requests[0]?.headerValues("cookie").join("; ")).toBe(other);
});

test("several Cookie fields are one", async () => {
  expect((await ask(`Cookie: a=1\r\nCookie: ${cookie}\r\n`)).statuses).toEqual([200]);
});

test.each([
  { when: "two session cookies", line: (good: string) => `${good}; ${good}` },
  { when: "a good one and a bad one", line: (good: string) => `${good}; __Host-vestibule=x` },
  { when: "one in each of two fields", line: (good: string) => `${good}\r\nCookie: __Host-vestibule=x` },
  { when: "a changed signature", line: (good: string) => `${good.slice(0, -1)}${good.endsWith("A") ? "B" : "A"}` },
  { when: "no signature", line: (good: string) => good.slice(0, good.indexOf(".")) },
  { when: "another name's prefix", line: (good: string) => good.replace("__Host-", "") },
  { when: "an empty value", line: () => "__Host-vestibule=" },
])("$when: not signed in", async ({ line }) => {
  expect((await ask(`Cookie: ${line(cookie)}\r\n`)).statuses).toEqual([401]);
  expect(gateway.upstream.requests).toEqual([]);
});

test.each([
  { setCookie: "__Host-vestibule=evil; Path=/; Secure" },
  { setCookie: "vestibule=evil" },
  { setCookie: "Vestibule-Auth=evil; Domain=acme.example" },
  { setCookie: "__secure-vestibule-x=evil" },
  { setCookie: "=vestibule=evil" },
  { setCookie: " = __Host-vestibule=evil" },
])("an application's Set-Cookie '$setCookie' is dropped, its others pass", async ({ setCookie }) => {
  gateway.upstream.answerWith(
    () => `HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: ${setCookie}\r\nSet-Cookie: b=2; HttpOnly\r\nContent-Length: 0\r\n\r\n`,
  );
  const { answers } = await ask(`Cookie: ${cookie}\r\n`);
  expect(answers[0]?.headerValues("set-cookie")).toEqual(["a=1", "b=2; HttpOnly"]);
});
