import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startKdc, type TestKdc } from "../support/kdc.ts";
import { consoleToken } from "../support/operations.ts";
import { baseEntries, group, person, personDn, startSlapd, suffix, type TestSlapd } from "../support/slapd.ts";
import { type CurlAnswer, startTlsRig, type TlsRig } from "../support/tls-rig.ts";

/** Tickets and passwords of one directory, beside another directory, with people, operators' API and rules on strength. */
let kdc: TestKdc;
let slapd: TestSlapd;
let rig: TlsRig;
let alice: NodeJS.ProcessEnv;

const partners = `dn: ou=partners,${suffix}\nobjectClass: organizationalUnit\nou: partners\n\n`;
const dave = person("dave").replaceAll("ou=people", "ou=partners").replace("dave@acme.example", "dave@partner.example");
const ldap = (base: string, acr: string) => `    ldap:
      urls: ["${slapd.url}"]
      bind: { dn: "cn=vestibule,ou=services,${suffix}", password: service-secret }
      userBase: "ou=${base},${suffix}"
      userFilter: "(|(uid={login})(mail={login}))"
      acr: ${acr}
`;

beforeAll(async () => {
  const ldif =
    baseEntries +
    person("alice", { cn: "Alice Adams" }) +
    person("bob") +
    partners +
    dave +
    group("staff", personDn("alice"), personDn("bob"));
  [kdc, slapd] = await Promise.all([startKdc(), startSlapd({ ldif })]);
  const keytab = await kdc.keytab("http.keytab", ["HTTP/auth.localhost"]);
  alice = await kdc.signIn("alice");
  rig = await startTlsRig({
    hosts: ["wiki.localhost", "open.localhost"],
    env: kdc.env,
    top: `console: { token: "${consoleToken}" }\ndirectory: { store: memory, provisioning: jit }`,
    providers: `  corp:
    name: Acme directory
    emailDomains: [acme.example]
${ldap("people", "urn:acme:password")}  partner:
    name: Partner directory
    emailDomains: [partner.example]
${ldap("partners", "urn:partner:password")}  windows:
    name: Windows sign-on
    kerberos: { keytab: { file: ${keytab} }, realms: [ACME.EXAMPLE], networks: [127.0.0.0/8], lookup: corp, fallback: corp, acr: urn:acme:windows }
`,
    apps: `  - host: wiki.localhost
    upstream: "{upstream}"
    providers: [windows]
    headers: { set: { X-Person: "{person}" } }
    access: [{ allow: { groups: [staff] } }]
    routes:
      - { path: /windows, access: [{ allow: { acr: ["urn:acme:windows"] } }] }
      - { path: /nowhere, access: [{ allow: { acr: ["urn:acme:hardware"] } }] }
  - host: open.localhost
    upstream: "{upstream}"
    sharedSubjects: true
    providers: [windows, partner]
    access: [{ allow: { anyone: true } }]
`,
  });
}, 90_000);
afterAll(async () => {
  await rig?.close();
  await Promise.all([kdc?.stop(), slapd?.stop()]);
});

const outside = ["-H", "X-Forwarded-For: 203.0.113.9"];
const challenged = (heads: readonly string[]) => heads.filter((head) => /^www-authenticate: negotiate$/im.test(head)).length;
const wiki = () => rig.urlOf("wiki.localhost");
const jarOf = (name: string) => join(rig.folder, name);

async function submit(page: CurlAnswer, jar: string, username: string, args: readonly string[] = []): Promise<CurlAnswer> {
  const [, state = ""] = /name="state" value="([^"]+)"/.exec(page.body) ?? [];
  const [, action = ""] = /<form method="post" action="([^"]+)"/.exec(page.body) ?? [];
  const fields = [`state=${state}`, `username=${username}`, `password=${username}-secret`].flatMap((field) => ["--data-urlencode", field]);
  return rig.curl({ url: new URL(action, rig.auth).href, jar, args: [...fields, ...args] });
}
interface ListedSession {
  readonly person: { readonly provider: string; readonly email: string | null };
}
const api = async (method: string, path: string) => {
  const response = await fetch(`http://127.0.0.1:${rig.adminPort}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${consoleToken}` },
  });
  expect([200, 204], `${method} ${path}`).toContain(response.status);
  return (response.status === 204 ? {} : await response.json()) as { readonly sessions?: readonly ListedSession[] };
};

test("an address on the chooser leads to its directory with the name filled in, and a hint survives the way to the fallback", async () => {
  const login = `${rig.auth}/_vestibule/login?return=${encodeURIComponent(`${rig.urlOf("open.localhost")}/`)}`;
  expect((await rig.curl({ url: login, args: outside })).body).toContain('name="login_hint"');
  for (const address of ["dave@partner.example", "bob@acme.example"]) {
    const { body } = await rig.curl({ url: `${login}&login_hint=${encodeURIComponent(address)}`, args: outside });
    expect(body).toContain(address.endsWith("partner.example") ? "with Partner directory" : "with Acme directory");
    expect(body).toMatch(new RegExp(`id="username"[^>]*value="${address}"`));
  }
});

test("a page that only a ticket is strong enough for is not opened by the password, and no login goes round in circles", async () => {
  const jar = jarOf("strength");
  const opened = await submit(await rig.curl({ url: `${wiki()}/`, jar, args: outside }), jar, "bob", outside);
  expect(opened.body).toBe("ok");
  for (const path of ["/windows", "/nowhere"]) {
    const form = await rig.curl({ url: `${wiki()}${path}`, jar, args: outside });
    expect(form.body).toContain('autocomplete="current-password"');
    const told = await submit(form, jar, "bob", outside);
    expect([told.status, told.body.includes("current-password")]).toEqual([403, false]);
  }
  expect((await rig.curl({ url: `${wiki()}/windows`, env: alice })).body).toBe("ok");
});

test("sessions of two providers live side by side in one browser", async () => {
  const jar = jarOf("both");
  expect((await rig.curl({ url: `${wiki()}/`, env: alice, jar })).body).toBe("ok");
  const url = `${rig.auth}/_vestibule/login?provider=partner&return=${encodeURIComponent(`${rig.urlOf("open.localhost")}/`)}`;
  expect((await submit(await rig.curl({ url, jar }), jar, "dave")).body).toBe("ok");
  expect((await rig.curl({ url: `${wiki()}/again`, jar, args: outside, follow: false })).status).toBe(200);
});

test("somebody who comes by ticket and by password is one person, whose sessions end together", async () => {
  const jar = jarOf("ended");
  expect((await rig.curl({ url: `${wiki()}/`, env: alice, jar })).body).toBe("ok");
  const byTicket = rig.upstream.requests.at(-1)?.header("x-person");
  const other = jarOf("password");
  await submit(await rig.curl({ url: `${wiki()}/`, jar: other, args: outside }), other, "alice", outside);
  expect(byTicket).toMatch(/.+/);
  expect(rig.upstream.requests.at(-1)?.header("x-person")).toBe(byTicket);

  const { sessions = [] } = await api("GET", "/sessions");
  const mine = sessions.filter(({ person: who }) => who.email === "alice@acme.example");
  expect(mine.map(({ person: who }) => who.provider)).toEqual(expect.arrayContaining(["windows", "corp"]));
  const isOut = async () => {
    for (const each of [jar, other])
      expect((await rig.curl({ url: `${wiki()}/`, jar: each, args: outside, follow: false })).status).toBe(302);
  };
  const seen = await api("GET", `/people/${byTicket}`);
  expect(seen.sessions?.map(({ person: who }) => who.provider)).toEqual(expect.arrayContaining(["windows", "corp"]));
  await api("POST", `/people/${byTicket}/end`);
  await eventually(isOut);
  expect((await rig.curl({ url: `${wiki()}/`, env: alice, jar })).body).toBe("ok");
});

test("somebody who is shut out is out by ticket and by password alike, whichever account is known", async () => {
  expect((await rig.curl({ url: `${wiki()}/`, env: alice })).body).toBe("ok");
  const id = rig.upstream.requests.at(-1)?.header("x-person");
  const jar = jarOf("shut-out");
  expect((await rig.curl({ url: `${wiki()}/`, env: alice, jar })).body).toBe("ok");
  await api("POST", `/people/${id}/deactivate`);
  await eventually(async () => expect((await rig.curl({ url: `${wiki()}/`, jar, args: outside, follow: false })).status).toBe(302));
  expect((await rig.curl({ url: `${wiki()}/`, env: alice })).status).toBe(403);
  const form = jarOf("shut-out-form");
  expect((await submit(await rig.curl({ url: `${wiki()}/`, jar: form, args: outside }), form, "alice", outside)).status).toBe(403);
  await api("POST", `/people/${id}/activate`);
  expect((await rig.curl({ url: `${wiki()}/`, env: alice })).body).toBe("ok");
});

test("a header past the limit, a ticket of a script's and one on an application's host are not looked at, and the gateway goes on", async () => {
  const before = rig.gateway.logged((line) => line.audit === "ticket").length;
  const token = await kdc.token(alice, "auth.localhost");
  const negotiate = (value: string) => ["-H", `Authorization: Negotiate ${value}`];
  const login = `${rig.auth}/_vestibule/login?return=${encodeURIComponent(`${wiki()}/`)}`;
  const long = await rig.curl({ url: login, args: negotiate("YIIB".repeat(16 * 1024)), follow: false });
  expect(long.status).toBe(431);
  const script = ["-H", "Accept: application/json", "-H", "Sec-Fetch-Mode: cors", "-H", "Sec-Fetch-Dest: empty"];
  const byScript = await rig.curl({ url: login, args: [...script, ...negotiate(token)] });
  expect([byScript.status, challenged(byScript.heads)]).toEqual([400, 0]);
  const atApp = await rig.curl({ url: `${wiki()}/`, args: negotiate(token), follow: false });
  expect(atApp.status).toBe(302);
  expect(rig.gateway.logged((line) => line.audit === "ticket")).toHaveLength(before);
  expect((await rig.curl({ url: `${wiki()}/`, env: alice })).body).toBe("ok");
});
