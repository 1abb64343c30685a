import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { GraphSettings } from "../../../src/core/directory-settings.ts";
import { noTracing, type SpanPart, type Tracing } from "../../../src/core/ports/tracing.ts";
import type { Principal } from "../../../src/core/session.ts";
import { type FakeGraph, startFakeGraph } from "../../support/fake-graph.ts";
import { type FakeOidc, startFakeOidc } from "../../support/fake-oidc.ts";
import { anOidcProvider, logIn, oidcProviderSettings, sessionOf } from "../../support/oidc-journey.ts";

let fake: FakeOidc;
let graph: FakeGraph;
let now: number;
beforeEach(async () => {
  fake = await startFakeOidc();
  graph = await startFakeGraph("app-token");
  now = Date.now();
  fake.script.discovery = (good) => ({ json: { ...good, msgraph_host: graph.host } });
  fake.script.token = (good, request) =>
    request.form.get("grant_type") === "client_credentials"
      ? { json: { access_token: "app-token", token_type: "Bearer", expires_in: 3599 } }
      : { json: good };
  graph.groups = [
    { id: "g1", displayName: "Admins", securityEnabled: true },
    { id: "g2", displayName: "Lunch club", securityEnabled: false },
    { id: "g3", displayName: "Twice", securityEnabled: true },
    { id: "g4", displayName: "Twice", securityEnabled: true },
    { id: "g5", displayName: "Known", securityEnabled: true },
  ];
});
afterEach(async () => {
  await fake.close();
  await graph.close();
});

const overage = { _claim_names: { groups: "src1" }, _claim_sources: { src1: { endpoint: "https://graph.windows.net/x" } }, oid: "oid-1" };

function provider(settings: GraphSettings, tracing: Tracing = noTracing) {
  return anOidcProvider(
    oidcProviderSettings(
      { issuer: fake.issuer, clientId: fake.clientId, clientSecret: secretOf("app-secret"), clientAuth: "client_secret_post" },
      { graph: settings, groupNames: { g5: "sre" } },
    ),
    { clock: () => now, tracing },
  );
}
const secretOf = (text: string) => ({
  reveal: () => text,
  equals: () => false,
  toString: () => "[secret]" as const,
  toJSON: () => "[secret]" as const,
});
/** Time passes here and at the provider. */
function pass(seconds: number): void {
  now += seconds * 1_000;
  fake.skewSeconds += seconds;
}
const names = ({ groups }: Principal) => (groups.kind === "known" ? groups.names.toSorted() : groups.why);

describe("Entra through Graph", () => {
  test("overage: all groups come from Graph, page by page, by id as the token would have them, reached through others too", async () => {
    fake.person = { ...fake.person, ...overage };
    const { principal } = await logIn(provider({ groups: "overage", profile: [] }));
    expect(names(principal)).toEqual(["g1", "g2", "g3", "g4", "sre"]);
    expect(graph.requests).toHaveLength(3);
    expect(graph.requests[0]).toContain("/users/oid-1/transitiveMemberOf/");
    const grant = fake.requests.find(({ form }) => form.get("grant_type") === "client_credentials");
    expect(grant?.form.get("scope")).toBe(`http://${graph.host}/.default`);
    expect(grant?.form.get("client_id")).toBe(fake.clientId);
  });

  test("without overage Graph is not asked, with never neither", async () => {
    fake.person = { ...fake.person, groups: ["a"] };
    expect(names((await logIn(provider({ groups: "overage", profile: [] }))).principal)).toEqual(["a"]);
    fake.person = { ...fake.person, ...overage, groups: undefined };
    expect(names((await logIn(provider({ groups: "never", profile: [] }))).principal)).toContain("elsewhere");
    expect(graph.requests).toHaveLength(0);
  });

  test("always: ids, and the names of security groups that no other of these groups has", async () => {
    fake.person = { ...fake.person, groups: ["from the token"], oid: "oid-1" };
    const { principal } = await logIn(provider({ groups: "always", profile: [] }));
    expect(names(principal)).toEqual(["Admins", "g1", "g2", "g3", "g4", "sre"]);
    expect(principal.groups).toMatchObject({ ids: { Admins: "g1", sre: "g5" } });
  });

  test("department, job title and manager are taken from the profile", async () => {
    graph.user = { department: "IT", jobTitle: "Engineer", manager: { displayName: "Bo", mail: "bo@acme.example" } };
    const { principal } = await logIn(provider({ groups: "overage", profile: ["department", "jobTitle", "manager"] }));
    expect(principal.extra).toMatchObject({ department: ["IT"], title: ["Engineer"], manager: ["bo@acme.example"] });
    expect(decodeURIComponent(graph.requests[0] ?? "")).toContain("$expand=manager");
  });

  test("throttled: a short Retry-After is waited for", async () => {
    fake.person = { ...fake.person, ...overage };
    graph.troubles = [
      { status: 429, retryAfter: "0" },
      { status: 503, retryAfter: "0" },
    ];
    expect(names((await logIn(provider({ groups: "overage", profile: [] }))).principal)).toContain("g1");
  });

  test.each([
    ["a long Retry-After", () => void graph.troubles.push({ status: 429, retryAfter: "120" })],
    ["no Retry-After", () => void graph.troubles.push({ status: 429 })],
    ["500", () => void graph.troubles.push({ status: 500 })],
    ["403: no permission", () => void graph.troubles.push({ status: 403 })],
    ["something that is no JSON", () => void graph.troubles.push({ status: 200, body: "<html>" })],
    ["a list without ids", () => void graph.troubles.push({ status: 200, body: '{"value":[{}]}' })],
    [
      "a next page elsewhere",
      () => void graph.troubles.push({ status: 200, body: '{"value":[],"@odata.nextLink":"https://evil.example/"}' }),
    ],
    ["nothing at all", () => void graph.troubles.push({ status: 502 })],
  ])("an outage never widens rights: with %s groups are unknown, the token's own included", async (_, arrange) => {
    arrange();
    fake.person = { ...fake.person, groups: ["from the token"], oid: "oid-1" };
    const { principal } = await logIn(provider({ groups: "always", profile: [] }));
    expect(names(principal)).toContain("Microsoft Graph could not be asked");
  });

  test("overage in the implicit flow's short form, hasgroups, is overage, too", async () => {
    fake.person = { ...fake.person, hasgroups: true, oid: "oid-1" };
    expect(names((await logIn(provider({ groups: "overage", profile: [] }))).principal)).toContain("g1");
  });

  test("the app's token goes to no other host, whatever the next page is said to be", async () => {
    const other = await startFakeGraph("app-token");
    try {
      other.groups = [{ id: "planted", displayName: "Planted", securityEnabled: true }];
      const next = `http://${other.host}/v1.0/users/oid-1/transitiveMemberOf/microsoft.graph.group`;
      graph.troubles.push({ status: 200, body: JSON.stringify({ value: [], "@odata.nextLink": next }) });
      fake.person = { ...fake.person, ...overage };
      expect(names((await logIn(provider({ groups: "overage", profile: [] }))).principal)).toContain("the next page is elsewhere");
      expect(other.requests).toEqual([]);
    } finally {
      await other.close();
    }
  });

  test("of more than two thousand groups none are known: a part of them would be other rights", async () => {
    graph.pageSize = 999;
    const many = (count: number) =>
      Array.from({ length: count }, (_, at) => ({ id: `g${at}`, displayName: `G ${at}`, securityEnabled: true }));
    fake.person = { ...fake.person, ...overage };
    graph.groups = many(2_001);
    expect(names((await logIn(provider({ groups: "overage", profile: [] }))).principal)).toContain("more than 2000 groups");
    graph.groups = many(2_000);
    expect(names((await logIn(provider({ groups: "overage", profile: [] }))).principal)).toHaveLength(2_000);
  });

  test("what Graph said a moment ago is not asked again, counts through an outage, and no longer than half an hour", async () => {
    fake.person = { ...fake.person, ...overage };
    const one = provider({ groups: "overage", profile: [] });
    await logIn(one);
    const asked = graph.requests.length;
    await logIn(one);
    expect(graph.requests).toHaveLength(asked);
    graph.down = 500;
    pass(10 * 60);
    expect(names((await logIn(one)).principal)).toContain("g1");
    pass(25 * 60);
    expect(names((await logIn(one)).principal)).toContain("could not be asked");
  });

  test("at a refresh, too: a group that was taken away is gone", async () => {
    fake.person = { ...fake.person, ...overage };
    fake.refreshToken = "refresh-1";
    const one = provider({ groups: "overage", profile: [] });
    const vouched = await logIn(one);
    graph.groups = graph.groups.slice(0, 1);
    pass(2 * 60);
    const outcome = await one.refresh(sessionOf(vouched));
    expect(outcome.kind === "renewed" && names(outcome.principal)).toEqual(["g1"]);
  });

  test("each question has a span, at the login and at a refresh, that says nothing of the person", async () => {
    fake.person = { ...fake.person, ...overage };
    fake.refreshToken = "refresh-1";
    const parts: SpanPart[] = [];
    const one = provider(
      { groups: "overage", profile: [] },
      {
        span: (part, work) => {
          parts.push(part);
          return work();
        },
      },
    );
    const asked = () => parts.filter(({ name }) => name.includes("graph")).length;
    const vouched = await logIn(one);
    expect(asked()).toBe(graph.requests.length);
    pass(40 * 60);
    await one.refresh(sessionOf(vouched));
    expect(asked()).toBe(graph.requests.length);
    expect(graph.requests.length).toBeGreaterThan(3);
    expect(JSON.stringify(parts)).not.toMatch(/oid-1|app-token|skiptoken/);
  });

  test.each([429, 503])(
    "at a refresh, too: %i never widens rights; within half an hour the last word counts, then groups are unknown",
    async (status) => {
      fake.person = { ...fake.person, ...overage };
      fake.refreshToken = "refresh-1";
      const one = provider({ groups: "overage", profile: [] });
      const vouched = await logIn(one);
      const before = names(vouched.principal);
      graph.down = status;
      graph.groups = [...graph.groups, ...graph.groups.slice(0, 1)];
      fake.person = { ...fake.person, groups: ["from the token"] };
      pass(10 * 60);
      const soon = await one.refresh(sessionOf(vouched));
      expect(soon.kind === "renewed" && names(soon.principal)).toEqual(before);
      pass(25 * 60);
      const late = await one.refresh(sessionOf(vouched));
      expect(late.kind === "renewed" && names(late.principal)).toContain("could not be asked");
    },
  );
});
