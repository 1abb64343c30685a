import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startKerberosRig } from "../support/kerberos-rig.ts";
import { ldapYaml, startLdapRig, submitPassword } from "../support/ldap-rig.ts";
import { type OtlpCollector, type SentSpan, startOtlpCollector } from "../support/otlp-collector.ts";
import { type Rig, signInAt, startRig } from "../support/rig.ts";
import { samlSignIn, startSamlRig } from "../support/saml-rig.ts";
import { askScim } from "../support/scim-client.ts";
import { userSchema } from "../support/scim-rig.ts";
import { baseEntries, person, startSlapd } from "../support/slapd.ts";
import { newVisitor, type VisitorAnswer } from "../support/visitor.ts";

let collector: OtlpCollector;
beforeAll(async () => {
  collector = await startOtlpCollector();
});
afterAll(() => collector?.close());
beforeEach(() => collector.forget());

const tracing = (sample = 1) => `tracing: { otlp: "${collector.url}", sample: ${sample} }\n`;
const roots = () => collector.spans.filter(({ kind }) => kind === 2);
const rootOf = (name: string): Promise<SentSpan> =>
  eventually(() => {
    const found = roots().find((span) => span.name === name);
    if (found === undefined) throw new Error(`no ${name} among ${roots().map((span) => span.name)}`);
    return found;
  });
/** The names of all spans of the request of this name, in the order in which they began. */
const within = async (name: string): Promise<readonly string[]> => {
  const { traceId } = await rootOf(name);
  return collector.spans.filter((span) => span.traceId === traceId).map((span) => span.name);
};
const nameOf = ({ traceId, spanId }: SentSpan) => `${traceId}-${spanId}`;

/** What passed on the way of one visitor and must stand in no span: cookies, and the values of queries and of the fields of forms. */
function listen(): { readonly onAnswer: (answer: VisitorAnswer) => void; readonly secrets: Set<string> } {
  const secrets = new Set<string>();
  const onAnswer = ({ url, setCookies, location, body }: VisitorAnswer) => {
    const queries = [url, ...(location === null ? [] : [new URL(location, url)])].flatMap(({ searchParams }) => [...searchParams.values()]);
    const cookies = setCookies.map((line) => line.slice(line.indexOf("=") + 1).split(";")[0] ?? "");
    const fields = [...body.matchAll(/\bvalue="([^"]{12,})"/g)].map(([, value = ""]) => value);
    for (const text of [...queries, ...cookies, ...fields]) if (text.length >= 12 && !text.startsWith("http")) secrets.add(text);
  };
  return { onAnswer, secrets };
}
function expectSilent(secrets: Iterable<string>): void {
  const sent = Buffer.concat([...collector.bodies]).toString("latin1");
  for (const secret of secrets) expect(sent.includes(secret), secret.slice(0, 40)).toBe(false);
}

test("a SAML login: its requests are joined by links, the verification has a span, and no secret is in any", {
  timeout: 60_000,
}, async () => {
  const rig = await startSamlRig({ top: tracing() });
  try {
    const { onAnswer, secrets } = listen();
    expect((await samlSignIn(newVisitor({ onAnswer }), `${rig.urls.wiki}/page?secret=of-the-page-itself`, "alice")).status).toBe(200);
    expect(await within("POST /_vestibule/saml/:provider/acs")).toEqual(
      expect.arrayContaining(["provider campus receive", "store facts.park"]),
    );
    expect(await within("GET /_vestibule/saml/:provider/finish")).toEqual(
      expect.arrayContaining(["store facts.unpark", "provider campus conclude", "store sessions.create"]),
    );
    const last = await eventually(() => {
      const found = roots().find(({ attributes }) => attributes["vestibule.decision"] === "allow");
      if (found === undefined) throw new Error("not yet");
      return found;
    });
    const [first] = roots().filter(({ attributes }) => attributes["vestibule.decision"] === "login");
    if (first === undefined) throw new Error("the redirect to the login has no span");
    const acs = await rootOf("POST /_vestibule/saml/:provider/acs");
    const links = Object.fromEntries(roots().map(({ name, links }) => [name, links]));
    expect(links).toMatchObject({
      "GET /_vestibule/login": [nameOf(first)],
      // Its form came from another site, without the cookie that names the login.
      "POST /_vestibule/saml/:provider/acs": [],
      "GET /_vestibule/saml/:provider/finish": [nameOf(first), nameOf(acs)],
      "GET /_vestibule/confirm": [nameOf(first)],
    });
    expect(
      roots()
        .filter(({ name }) => name === "GET /_vestibule/enter")
        .map(({ links }) => links),
    ).toEqual([[nameOf(first)], [nameOf(first)]]);
    expect([first.links, last.links]).toEqual([[], []]);
    expect(secrets.size).toBeGreaterThan(8);
    expectSilent([...secrets, "alice", "of-the-page-itself", "staff"]);
  } finally {
    await rig.close();
  }
});

test("a login by ticket: accepting it and each question to the directory have spans", { timeout: 60_000 }, async () => {
  const rig = await startKerberosRig({ top: tracing() });
  try {
    expect((await rig.curl({ url: `${rig.wiki}/page`, env: await rig.kdc.signIn("alice") })).status).toBe(200);
    expect(await within("GET /_vestibule/login")).toEqual(
      expect.arrayContaining(["provider windows begin", "kerberos accept", "store facts.once", "ldap connect", "ldap bind", "ldap search"]),
    );
    const accept = collector.spans.find(({ name }) => name === "kerberos accept");
    expect(accept?.attributes).toEqual({ "vestibule.provider": "windows", "vestibule.ticket": "accepted" });
    expectSilent(["alice", "ACME.EXAMPLE", "ou=people", "service-secret"]);
  } finally {
    await rig.close();
  }
});

test("a login by password: the search, and the bind that refuses a wrong one", { timeout: 60_000 }, async () => {
  const slapd = await startSlapd({ ldif: baseEntries + person("alice") });
  const rig = await startLdapRig({ providers: ldapYaml("corp", [slapd.url]), top: tracing() });
  try {
    const visitor = newVisitor();
    const refused = await submitPassword(visitor, await visitor.browse(`${rig.wiki}/`), "alice", "not-her-password");
    expect(refused.status).toBe(403);
    expect(await within("POST /_vestibule/ldap/:provider/form")).toEqual(
      expect.arrayContaining(["provider corp logIn", "ldap connect", "ldap search", "ldap bind"]),
    );
    const binds = collector.spans.filter(({ name }) => name === "ldap bind").map(({ attributes }) => attributes["vestibule.ldap.answer"]);
    expect(binds).toEqual(["ok", "refused"]);
    expectSilent(["alice", "not-her-password", "service-secret", "ou=people"]);
  } finally {
    await rig.close();
    await slapd.stop();
  }
});

const scimToken = "scim-token-of-the-rig-0123456789";

test("OpenID Connect: pushed request, token, keys, userinfo, the directory, SCIM and the provider's logout", {
  timeout: 60_000,
}, async () => {
  const rig = await startRig({
    oidc: "      userinfo: always\n      pushedAuthorization: required\n    scim: { tokens: [{ env: SCIM_TOKEN }] }\n",
    top: `directory: { store: memory, provisioning: both }\n${tracing()}`,
    env: { SCIM_TOKEN: scimToken },
  });
  try {
    const { onAnswer, secrets } = listen();
    const visitor = newVisitor({ onAnswer });
    expect((await signInAt(visitor, await visitor.browse(`${rig.urls.wiki}/page`), "alice")).status).toBe(200);
    expect(await within("GET /_vestibule/login")).toEqual(expect.arrayContaining(["provider acme begin", "provider par"]));
    expect(await within("GET /_vestibule/oidc/:provider/callback")).toEqual(
      expect.arrayContaining([
        "provider token",
        "provider userinfo",
        "store directory.find",
        "store directory.commit",
        "store sessions.create",
      ]),
    );
    expect(collector.spans.map(({ name }) => name)).toContain("provider jwks");
    const user = { schemas: [userSchema], userName: "bert@acme.example", externalId: "bert" };
    const host = `auth.localhost:${rig.port}`;
    await askScim({ port: rig.port, host, provider: "acme", token: scimToken, method: "POST", path: "/Users", body: user });
    expect(await within("POST /_vestibule/scim/:provider/v2/*")).toContain("store directory.commit");
    await endAtProvider(rig, visitor);
    expect(await within("POST /_vestibule/oidc/:provider/backchannel-logout")).toContain(
      "step /_vestibule/oidc/:provider/backchannel-logout",
    );
    await eventually(() => expect(collector.spans.some(({ name }) => /^store sessions\.end/.test(name))).toBe(true));
    expectSilent([...secrets, "alice", "bert", scimToken, "client-secret"]);
  } finally {
    await rig.close();
  }
});

async function endAtProvider(rig: Rig, visitor: ReturnType<typeof newVisitor>): Promise<void> {
  const page = await visitor.browse(`${rig.provider.issuer}/session/end`);
  const action = /action="([^"]*)"/.exec(page.body)?.[1] ?? "";
  const xsrf = /name="xsrf" value="([^"]*)"/.exec(page.body)?.[1] ?? "";
  await visitor.visit(new URL(action, page.url).href, { form: { xsrf, logout: "yes" } });
}

test("a login whose beginning is recorded is recorded to its end, whatever the share of the others", { timeout: 60_000 }, async () => {
  const rig = await startRig({ top: `trustedProxies: [127.0.0.1]\n${tracing(0)}` });
  try {
    const traceparent = `00-${"c".repeat(32)}-${"d".repeat(16)}-01`;
    const visitor = newVisitor();
    const redirect = await visitor.visit(`${rig.urls.wiki}/page`, { headers: { traceparent } });
    await signInAt(visitor, await visitor.browse(redirect.location ?? ""), "alice");
    await newVisitor().browse(`${rig.urls.wiki}/page`);
    await rootOf("GET /_vestibule/confirm");
    const first = await rootOf("GET wiki.localhost/");
    expect(first).toMatchObject({ traceId: "c".repeat(32), parent: "d".repeat(16) });
    await eventually(() => expect(roots().filter(({ name }) => name === "GET /_vestibule/enter")).toHaveLength(2));
    const others = roots().filter((span) => span !== first);
    expect(others.map(({ name }) => name).sort()).toEqual([
      "GET /_vestibule/confirm",
      "GET /_vestibule/enter",
      "GET /_vestibule/enter",
      "GET /_vestibule/login",
      "GET /_vestibule/oidc/:provider/callback",
    ]);
    for (const { name, links } of others) expect(links, name).toEqual([nameOf(first)]);
  } finally {
    await rig.close();
  }
});
