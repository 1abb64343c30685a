import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { demoUsers } from "../support/oidc-provider.ts";
import { type SamlIdp, startSamlIdp } from "../support/saml-idp.ts";
import { finish, postForm, type SamlRig, samlSignInAt, startSamlRig } from "../support/saml-rig.ts";
import { firstForm, newVisitor, type Visitor, type VisitorAnswer } from "../support/visitor.ts";

// A SAML answer is bound to one provider, one request and one browser. Each test tries to use it with another one; the benign twin is
// the login of the first test. What counts is whether anybody is signed in afterwards.

let rig: SamlRig;
/** A second provider, which one of its own administrators turns against the first. */
let rogue: SamlIdp;
beforeAll(async () => {
  const nowhere = { entityId: "", acsUrl: "", sloUrl: "", certificate: null };
  rogue = await startSamlIdp({ sp: nowhere, users: demoUsers("rogue.example") });
  rig = await startSamlRig({ providers: `  rogue:\n    saml:\n      metadata: ${rogue.metadataUrl}\n` });
  const saml = `${rig.urls.auth}/_vestibule/saml/rogue`;
  rogue.behaviour.sp = { ...nowhere, entityId: `${saml}/metadata`, acsUrl: `${saml}/acs`, sloUrl: `${saml}/slo` };
});
afterAll(async () => {
  await rig.close();
  await rogue.close();
});

const begin = (visitor: Visitor, provider: string) =>
  visitor.browse(`${rig.urls.auth}/_vestibule/login?provider=${provider}&return=${encodeURIComponent(`${rig.urls.wiki}/page`)}`);
/** The provider's answer in the browser, not yet posted. */
const answerAt = (visitor: Visitor, login: VisitorAnswer) =>
  visitor.visit(firstForm(login).action, { form: { login: "alice", password: "alice" } });
const isSignedIn = async (visitor: Visitor) => (await visitor.visit(`${rig.urls.wiki}/`)).status === 200;
const requestIdOf = (login: VisitorAnswer) => `_${login.url.searchParams.get("RelayState")}`;

test("each of two providers signs people in, and they stay two people", async () => {
  for (const provider of ["campus", "rogue"]) {
    const visitor = newVisitor();
    expect((await samlSignInAt(visitor, await begin(visitor, provider), "alice")).status).toBe(200);
    const session = JSON.parse((await visitor.fetch(`${rig.urls.wiki}/_vestibule/session`)).body) as { provider: string };
    expect(session.provider).toBe(provider);
  }
});

test.each([
  { when: "as itself, to the other's address", entity: null, to: "campus" },
  { when: "in the other's name, to the other's address", entity: "campus", to: "campus" },
  { when: "in the other's name, to its own address", entity: "campus", to: "rogue" },
])("a provider that answers $when signs nobody in", async ({ entity, to }) => {
  const visitor = newVisitor();
  const login = await begin(visitor, "campus");
  const own = rogue.behaviour.sp;
  rogue.behaviour.sp = to === "campus" ? rig.idp.behaviour.sp : own;
  const fields = rogue.answerFields("alice", { inResponseTo: requestIdOf(login) });
  rogue.behaviour.sp = own;
  if (entity !== null) {
    // Renaming the issuer breaks the signature; a forger who signs again has only its own key.
    const xml = Buffer.from(fields.SAMLResponse ?? "", "base64").toString("utf8");
    fields.SAMLResponse = Buffer.from(xml.replaceAll(rogue.entityId, rig.idp.entityId)).toString("base64");
  }
  const posted = await newVisitor().visit(`${rig.urls.auth}/_vestibule/saml/${to}/acs`, { form: fields });
  if (posted.location !== null) expect((await visitor.browse(posted.location)).status).toBe(400);
  else expect(posted.status).toBe(400);
  expect(await isSignedIn(visitor)).toBe(false);
});

test("a provider's own, good answer to a request that went to another one signs nobody in (mix-up)", async () => {
  const visitor = newVisitor();
  const login = await begin(visitor, "campus");
  const fields = rogue.answerFields("alice", { inResponseTo: requestIdOf(login) });
  const parked = await newVisitor().visit(rogue.behaviour.sp.acsUrl, { form: fields });
  expect(parked.status).toBe(303);
  expect((await visitor.browse(parked.location ?? "")).status).toBe(400);
  expect(await isSignedIn(visitor)).toBe(false);
});

test("an answer that is parked at one provider cannot be finished at the other", async () => {
  const visitor = newVisitor();
  const parked = await postForm(await answerAt(visitor, await begin(visitor, "campus")));
  const other = (parked.location ?? "").replace("/saml/campus/", "/saml/rogue/");
  expect((await visitor.browse(other)).status).toBe(400);
  expect(await isSignedIn(visitor)).toBe(false);
});

test("RelayState decides nothing: the page is that of the request which was signed for", async () => {
  const visitor = newVisitor();
  const answer = await answerAt(visitor, await begin(visitor, "campus"));
  const body = answer.body.replace(/name="RelayState" value="[^"]*"/, 'name="RelayState" value="https://evil.example/"');
  const page = await finish(visitor, { ...answer, body });
  expect(page.url.href).toBe(`${rig.urls.wiki}/page`);
});

test("an answer to a login of this browser that was finished already signs nobody else in", async () => {
  const visitor = newVisitor();
  const login = await begin(visitor, "campus");
  const id = requestIdOf(login);
  await samlSignInAt(visitor, login, "bob");
  // A second assertion for the same request, of somebody else, as a provider that is tricked into it would make.
  const parked = await newVisitor().visit(rig.idp.behaviour.sp.acsUrl, { form: rig.idp.answerFields("alice", { inResponseTo: id }) });
  expect((await visitor.browse(parked.location ?? "")).status).toBe(400);
  const session = JSON.parse((await visitor.fetch(`${rig.urls.wiki}/_vestibule/session`)).body) as { subject: string };
  expect(session.subject).toBe("bob");
});

test.each([
  {
    when: "two answers in one form",
    form: (one: string) => `SAMLResponse=${encodeURIComponent(one)}&SAMLResponse=${encodeURIComponent(one)}`,
    status: 400,
  },
  { when: "two RelayStates", form: (one: string) => `SAMLResponse=${encodeURIComponent(one)}&RelayState=a&RelayState=b`, status: 400 },
  { when: "no answer at all", form: () => "RelayState=a", status: 400 },
  { when: "one answer, as the benign twin", form: (one: string) => `SAMLResponse=${encodeURIComponent(one)}`, status: 303 },
])("$when: $status", async ({ form, status }) => {
  const visitor = newVisitor();
  const login = await begin(visitor, "campus");
  const { SAMLResponse = "" } = rig.idp.answerFields("alice", { inResponseTo: requestIdOf(login) });
  expect(await post(form(SAMLResponse))).toBe(status);
  expect(await isSignedIn(visitor)).toBe(false);
});

/** A form as it is written; its status. */
function post(body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { host: `auth.localhost:${rig.port}`, "content-type": "application/x-www-form-urlencoded" };
    const options = { host: "127.0.0.1", port: rig.port, path: "/_vestibule/saml/campus/acs", method: "POST", headers };
    const sent = request(options, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
