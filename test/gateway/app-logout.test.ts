import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { exchange } from "../support/raw-client.ts";
import { okAnswer } from "../support/recording-upstream.ts";

let gateway: InProcessGateway;
beforeAll(async () => {
  gateway = await startGatewayInProcess({
    app: {
      logoutPaths: [
        { method: null, glob: "/logout" },
        { method: "POST", glob: "/session/end" },
      ],
    },
  });
});
afterAll(() => gateway.close());
beforeEach(() => gateway.upstream.answerWith(() => okAnswer));

const visit = (line: string, cookie: string, fields = "") =>
  exchange(gateway, `${line} HTTP/1.1\r\nHost: wiki.acme.example\r\nCookie: ${cookie}\r\n${fields}Connection: close\r\n\r\n`);

test.each([
  { when: "a link on the app's own page", fields: "Sec-Fetch-Site: same-origin\r\n" },
  { when: "an address typed by hand", fields: "Sec-Fetch-Site: none\r\n" },
  { when: "an old browser, from the app's own page", fields: "Referer: https://wiki.acme.example/page\r\n" },
  { when: "an old browser that says nothing", fields: "" },
])("the app's logout URL by $when: the app answers, then the session ends", async ({ fields }) => {
  const { session, cookie } = await gateway.signIn();
  const { answers } = await visit("GET /logout", cookie, fields);
  expect(answers[0]?.text).toBe("ok");
  expect(answers[0]?.headerValues("set-cookie").join()).toMatch(/^__Host-vestibule=;.*(?:Max-Age=0|Expires=)/i);
  await eventually(async () => expect(await gateway.sessions.find(session.id)).toBeNull());
  expect(gateway.audits).toContainEqual(expect.objectContaining({ event: "logout", session: session.key, why: "logout" }));
});

test.each([
  { when: "another site's image", line: "GET /logout", fields: "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n" },
  { when: "a sibling site", line: "GET /logout", fields: "Sec-Fetch-Site: same-site\r\n" },
  { when: "another site, in an old browser", line: "GET /logout", fields: "Referer: https://evil.example/\r\n" },
  {
    when: "another site's form, in an old browser",
    line: "POST /session/end",
    fields: "Origin: https://evil.example\r\nContent-Length: 0\r\n",
  },
  { when: "a name that begins like ours", line: "GET /logout", fields: "Referer: https://wiki.acme.example.evil.example/\r\n" },
  { when: "another method than the configured", line: "GET /session/end", fields: "Sec-Fetch-Site: same-origin\r\n" },
  { when: "another path", line: "GET /logout/x", fields: "Sec-Fetch-Site: same-origin\r\n" },
])("$when: the app answers and the session stays", async ({ line, fields }) => {
  const { session, cookie } = await gateway.signIn();
  const { statuses, answers } = await visit(line, cookie, fields);
  expect(statuses).toEqual([200]);
  expect(answers[0]?.headerValues("set-cookie")).toEqual([]);
  expect(await gateway.sessions.find(session.id)).not.toBeNull();
});

test("an app that fails to sign out keeps its visitor signed in", async () => {
  gateway.upstream.answerWith(() => "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
  const { session, cookie } = await gateway.signIn();
  const { statuses, answers } = await visit("GET /logout", cookie);
  expect(statuses).toEqual([500]);
  expect(answers[0]?.headerValues("set-cookie")).toEqual([]);
  expect(await gateway.sessions.find(session.id)).not.toBeNull();
});
