import { beforeEach, expect, test } from "vitest";
import { issueConsoleCookie } from "../../src/admin/console/sign-on.ts";
import type { ExplainInput } from "../../src/admin/operations.ts";
import type { AuditEvent } from "../../src/core/audit-events.ts";
import { anAdmin, consoleToken, someOperations } from "../support/operations.ts";
import { aNewSession } from "../support/session-builders.ts";

/** Longer than any address may be: names as a directory has them, with commas. */
const many = Array.from({ length: 400 }, (_, at) => `CN=Group ${at},OU=Groups of the whole company,DC=acme,DC=example`);

let asked: ExplainInput | null;
let ask: (path: string, form?: Record<string, string>, headers?: Record<string, string>) => Promise<{ status: number; body: string }>;
let refuse: (change: Partial<AuditEvent & { event: "refusal" }>) => void;
beforeEach(() => {
  asked = null;
  const explain = (input: ExplainInput) => {
    asked = input;
    return { outcome: "control", asked: input.url, why: "a test" } as const;
  };
  const operations = someOperations({ explain });
  const admin = anAdmin(operations);
  const cookie = issueConsoleCookie(consoleToken, Date.now()).split(";")[0] ?? "";
  ask = async (path, form, headers = { "sec-fetch-site": "same-origin" }) => {
    const sent = form === undefined ? {} : { method: "POST", body: new URLSearchParams(form) };
    const response = await admin(new Request(`http://127.0.0.1:9090/console/${path}`, { ...sent, headers: { cookie, ...headers } }), "c");
    return { status: response.status, body: await response.text() };
  };
  const { principal } = aNewSession({ principal: { groups: { kind: "known", names: many } } });
  refuse = (change) =>
    operations.audit({
      ...{ event: "refusal", request: "r-1", client: "192.0.2.7", principal, host: "wiki.acme.example", method: "PUT", path: "/live" },
      ...{ websocket: false, reason: "no-rule-matched", rule: null, detail: "d", enforced: true, ...change },
    });
});

/** What the page's form would send, as a browser reads it. */
function formIn(body: string): Record<string, string> {
  const plain = (text: string) => text.replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&lt;", "<").replaceAll("&amp;", "&");
  const inputs = [...body.matchAll(/<input class="text" id="f-\w+" name="(\w+)" type="text" value="([^"]*)"/g)];
  const [area] = body.matchAll(/<textarea[^>]* name="(\w+)"[^>]*>([^<]*)</g);
  const boxes = [...body.matchAll(/<input type="checkbox"[^>]* name="(\w+)" value="(\w+)" checked/g)];
  const found = [...inputs, ...(area === undefined ? [] : [area]), ...boxes];
  return Object.fromEntries(found.map(([, name = "", value = ""]) => [name, plain(value).replaceAll("\n", "\r\n")]));
}

test.each([{ websocket: false }, { websocket: true }])(
  "a refusal fills the form in with its groups, however many, and the form sent again asks the same: $websocket",
  async ({ websocket }) => {
    refuse({ websocket });
    const page = await ask("explain?request=r-1");
    const wanted = { url: "https://wiki.acme.example/live", method: "PUT", address: "192.0.2.7", groups: many, websocket };
    expect([page.status, asked]).toEqual([200, expect.objectContaining(wanted)]);
    asked = null;
    expect(page.body).toContain('<form class="fields" method="post" action="/console/explain">');
    expect((await ask("explain", formIn(page.body))).status).toBe(200);
    expect(asked).toEqual(expect.objectContaining(wanted));
  },
);

test("the list of refusals says which were WebSockets", async () => {
  refuse({ websocket: true });
  refuse({ request: "r-2", path: "/page" });
  const { body } = await ask("refusals");
  expect(body).toContain("WebSocket wiki.acme.example/live");
  expect(body).toContain("PUT wiki.acme.example/page");
});

test("links with the fields in them go on working, groups with commas", async () => {
  const page = await ask("explain?url=https%3A%2F%2Fwiki.acme.example%2F&groups=staff,+admins&asUser=x");
  expect([page.status, asked]).toEqual([200, expect.objectContaining({ groups: ["staff", "admins"], asUser: "x", method: "GET" })]);
});

test("the form is the page's own: another site's is refused, and nothing is asked", async () => {
  const form = { url: "https://wiki.acme.example/" };
  expect((await ask("explain", form, { "sec-fetch-site": "cross-site", origin: "https://evil.example" })).status).toBe(403);
  expect(asked).toBe(null);
  expect((await ask("explain", form)).status).toBe(200);
});

test("a field that cannot be understood is named, and nothing that was typed is lost", async () => {
  const page = await ask("explain", { url: "https://wiki.acme.example/", address: "here", groupLines: "a, b\r\nc" });
  expect([page.status, asked]).toEqual([400, null]);
  expect(page.body).toContain("address: an IP address");
  expect(formIn(page.body)).toMatchObject({ address: "here", groupLines: "a, b\r\nc" });
});
