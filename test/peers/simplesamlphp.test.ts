import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { makeSamlKey } from "../support/saml-keys.ts";
import { firstForm, newVisitor } from "../support/visitor.ts";
import { carryForms } from "./support/carry-forms.ts";
import {
  aVisitorAndAThief,
  expectAliceToArrive,
  expectBothLeft,
  expectGroupsToCount,
  fillIn,
  fillInAndPost,
  leaveGateway,
  type SignIn,
} from "./support/journeys.ts";
import { type PeerRig, startPeerRig } from "./support/peer-rig.ts";
import { isSignedIn, withCookiesOf } from "./support/signed-in.ts";
import { type SimpleSamlPhp, startSimpleSamlPhp } from "./support/simplesamlphp.ts";

let idp: SimpleSamlPhp;
let rig: PeerRig;
const firstKey = makeSamlKey("simplesamlphp");

beforeAll(async () => {
  const port = await freePort();
  idp = await startSimpleSamlPhp(await firstKey, port);
  rig = await startPeerRig(samlOf(idp));
  await idp.trust(await rig.metadata());
});
afterAll(async () => {
  await rig?.close();
  await idp?.close();
});

const samlOf = ({ metadataUrl }: SimpleSamlPhp, more = "") => `    saml:
      metadata: ${metadataUrl}
      keys: {keys}
${more}
    attributes: { subject: uid, email: mail, name: [displayName], groups: groups }`;

const signIn: SignIn = (visitor, url, login) => fillInAndPost(visitor, url, "username", login);

test("a visitor signs in, and the app learns who it is", () => expectAliceToArrive(rig, signIn));

test("a group that is missing, and an attribute without values, refuse", () => expectGroupsToCount(rig, signIn));

test("an answer that has been used is worth nothing in another browser", async () => {
  const visitor = newVisitor();
  const post = firstForm(await fillIn(visitor, `${rig.urls.wiki}/`, "username", "alice"));
  expect((await visitor.browse(post.action, { form: post.fields })).status).toBe(200);
  const thief = newVisitor();
  await thief.browse(`${rig.urls.wiki}/`);
  const answer = await thief.browse(post.action, { form: post.fields });
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(await isSignedIn(thief, rig.urls.wiki)).toBe(false);
});

test("leaving the gateway leaves the identity provider, too", async () => {
  const both = await aVisitorAndAThief(rig, signIn);
  const page = await leaveGateway(rig, both.visitor);
  const { trail } = both.visitor;
  expect(trail.some((url) => url.startsWith(`${idp.origin}/saml2/idp/SingleLogoutService.php`))).toBe(true);
  expect(trail.some((url) => url.includes("/_vestibule/saml/peer/slo?SAMLResponse="))).toBe(true);
  await expectBothLeft(rig, page, both);
});

test("leaving the identity provider ends the gateway's sessions, and it gets a signed answer", async () => {
  const { visitor, thief } = await aVisitorAndAThief(rig, signIn);
  const elsewhere = newVisitor();
  await signIn(elsewhere, `${rig.urls.wiki}/`, "alice");
  const page = await visitor.browse(idp.logoutUrl);
  const asked = visitor.trail.find((url) => url.startsWith(`${rig.urls.auth}/_vestibule/saml/peer/slo?SAMLRequest=`)) ?? "";
  expect(new URL(asked).searchParams.get("Signature")).not.toBeNull();
  const answered = visitor.trail.find((url) => url.startsWith(idp.origin) && url.includes("SAMLResponse=")) ?? "";
  expect(new URL(answered).searchParams.get("Signature")).not.toBeNull();
  expect(page.url.href).toBe(`${idp.origin}/logout.php`);
  expect(await isSignedIn(thief, rig.urls.wiki)).toBe(false);
  // Another login of the same person, under another index, lives on.
  expect(await isSignedIn(elsewhere, rig.urls.wiki)).toBe(true);
});

test("the identity provider's logout request sent twice is refused the second time", async () => {
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "alice");
  await visitor.browse(idp.logoutUrl);
  const asked = visitor.trail.find((url) => url.includes("/_vestibule/saml/peer/slo?SAMLRequest=")) ?? "";
  expect((await newVisitor().visit(asked)).status).toBeGreaterThanOrEqual(400);
});

test("an encrypted assertion is read where its old algorithm is allowed, and refused where it is not", async () => {
  const lenient = await startPeerRig(samlOf(idp, "      allowLegacyEncryption: true\n"));
  try {
    await idp.behave({ encrypt: true });
    const refused = await signIn(newVisitor(), `${rig.urls.wiki}/`, "alice");
    expect(refused.status).toBe(400);
    expect(refused.body).not.toContain("aes");
    await eventually(() => expect(rig.gateway.lines.join()).toContain("saml.decrypt"));

    await idp.trust(await lenient.metadata());
    const page = await signIn(newVisitor(), `${lenient.urls.wiki}/private`, "alice");
    expect(page.status).toBe(200);
    expect(lenient.wiki.requests.at(-1)?.header("remote-groups")).toBe("staff,admins");
  } finally {
    await idp.behave({ encrypt: false });
    await idp.trust(await rig.metadata());
    await lenient.close();
  }
});

test("no login fails while the identity provider changes its certificate, announced or not", async () => {
  const [key, second, third] = [await firstKey, await makeSamlKey("second"), await makeSamlKey("third")];
  // The next certificate stands first in the metadata while the old one still signs.
  await idp.behave({ key, nextKey: second });
  const own = await startPeerRig(samlOf(idp));
  try {
    await idp.trust(await own.metadata());
    expect((await signIn(newVisitor(), `${own.urls.wiki}/`, "alice")).status).toBe(200);
    await idp.behave({ key: second, nextKey: null });
    expect((await signIn(newVisitor(), `${own.urls.wiki}/`, "bob")).status).toBe(200);
    // This one was never announced: the gateway fetches the metadata again by itself.
    await idp.behave({ key: third, nextKey: null });
    expect((await signIn(newVisitor(), `${own.urls.wiki}/`, "alice")).status).toBe(200);
    expect(own.gateway.logged((line) => line.msg === "the provider's signing keys have changed")).toHaveLength(1);
  } finally {
    await idp.behave({ key, nextKey: null });
    await idp.trust(await rig.metadata());
    await own.close();
  }
});

test("the operator's commands agree with what the two sides say of each other", async () => {
  expect((await rig.command("metadata", "peer")).stdout.trim()).toBe((await rig.metadata()).trim());
  const { code, stdout } = await rig.command("check", "--online");
  expect(code).toBe(0);
  expect(stdout).toContain(`${idp.origin}/saml2/idp/SSOService.php`);
  expect(stdout).toMatch(/3\d\d days/);
});

test("a login that nobody asked for is refused, and where it is allowed it leads to our own pages only", async () => {
  const metadata = await rig.metadata();
  const entityId = /entityID="([^"]*)"/.exec(metadata)?.[1] ?? "";
  const refused = newVisitor();
  expect((await signIn(refused, idp.unsolicitedUrl(entityId, `${rig.urls.wiki}/page`), "alice")).status).toBe(400);
  expect(await isSignedIn(refused, rig.urls.wiki)).toBe(false);

  const open = await startPeerRig(samlOf(idp, "      allowIdpInitiated: true\n"));
  try {
    const ours = await open.metadata();
    await idp.trust(ours);
    const ownId = /entityID="([^"]*)"/.exec(ours)?.[1] ?? "";
    const page = await signIn(newVisitor(), idp.unsolicitedUrl(ownId, `${open.urls.wiki}/page?x=1`), "alice");
    expect(page.status).toBe(200);
    expect(page.url.href).toBe(`${open.urls.wiki}/page?x=1`);
    const astray = await signIn(newVisitor(), idp.unsolicitedUrl(ownId, "https://evil.example/"), "alice");
    expect(astray.url.href).toBe(`${open.urls.wiki}/`);
  } finally {
    await idp.trust(metadata);
    await open.close();
  }
});

test("login and logout in both directions work when every message is a form", async () => {
  await idp.behave({ post: true });
  const own = await startPeerRig(samlOf(idp));
  try {
    await idp.trust(await own.metadata());
    const visitor = newVisitor();
    const asked = await carryForms(visitor, await visitor.browse(`${own.urls.wiki}/page`));
    const { action, fields } = firstForm(asked.page);
    const login = { ...fields, username: "alice", password: "alice" };
    const arrived = await carryForms(visitor, await visitor.browse(action, { form: login }));
    expect(arrived.page.url.href).toBe(`${own.urls.wiki}/page`);
    expect(arrived.page.status).toBe(200);
    const first = withCookiesOf(visitor, own.urls.wiki);

    const leaving = await leaveGateway(own, visitor);
    const left = await carryForms(visitor, leaving);
    expect(left.trail).toContain(`${own.urls.auth}/_vestibule/saml/peer/slo`);
    expect(left.page.url.pathname).toBe("/_vestibule/signed-out");
    expect(await isSignedIn(first, own.urls.wiki)).toBe(false);

    const again = await carryForms(visitor, await visitor.browse(`${own.urls.wiki}/page`));
    const form = firstForm(again.page);
    await carryForms(visitor, await visitor.browse(form.action, { form: { ...form.fields, username: "alice", password: "alice" } }));
    const second = withCookiesOf(visitor, own.urls.wiki);
    expect(await isSignedIn(second, own.urls.wiki)).toBe(true);
    const ended = await carryForms(visitor, await visitor.browse(idp.logoutUrl));
    expect(ended.trail).toContain(`${own.urls.auth}/_vestibule/saml/peer/slo`);
    expect(ended.page.url.href).toBe(`${idp.origin}/logout.php`);
    expect(await isSignedIn(second, own.urls.wiki)).toBe(false);
  } finally {
    await idp.behave({ post: false });
    await idp.trust(await rig.metadata());
    await own.close();
  }
});

test("who is signed in there passes silently, unless the gateway demands a fresh proof", async () => {
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "alice");
  const otherBrowserHere = newVisitor();
  for (const [name, value] of visitor.cookies("127.0.0.1")) otherBrowserHere.setCookie("127.0.0.1", name, value);
  const silent = await carryForms(otherBrowserHere, await otherBrowserHere.browse(`${rig.urls.wiki}/page`));
  expect(silent.page.url.href).toBe(`${rig.urls.wiki}/page`);

  const strict = await startPeerRig(samlOf(idp, "      forceAuthn: true\n"));
  try {
    await idp.trust(await strict.metadata());
    const asked = await visitor.browse(`${strict.urls.wiki}/page`);
    expect(asked.url.origin).toBe(idp.origin);
    expect(firstForm(asked).fields).toHaveProperty("password");
    expect((await signIn(visitor, `${strict.urls.wiki}/page`, "alice")).status).toBe(200);
  } finally {
    await idp.trust(await rig.metadata());
    await strict.close();
  }
});
