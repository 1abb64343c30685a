import { expect } from "vitest";
import { firstForm, newVisitor, type Visitor, type VisitorAnswer } from "../../support/visitor.ts";
import type { PeerRig } from "./peer-rig.ts";
import { isSignedIn, withCookiesOf } from "./signed-in.ts";

/** From `url` to the provider's form, through it and back to the app. */
export type SignIn = (visitor: Visitor, url: string, login: string) => Promise<VisitorAnswer>;

/** Opens `url` and fills in the provider's form, in which the login's field is called `field`. */
export async function fillIn(visitor: Visitor, url: string, field: "user" | "username", login: string): Promise<VisitorAnswer> {
  const form = firstForm(await visitor.browse(url));
  return visitor.browse(form.action, { form: { ...form.fields, [field]: login, password: login } });
}

/** The same at a SAML provider, and back by the form that posts itself. */
export async function fillInAndPost(visitor: Visitor, url: string, field: "user" | "username", login: string): Promise<VisitorAnswer> {
  const post = firstForm(await fillIn(visitor, url, field, login));
  expect(post.fields).toHaveProperty("SAMLResponse");
  return visitor.browse(post.action, { form: post.fields });
}

/** The groups of the last request, sorted: LemonLDAP::NG keeps no order. */
export const groupsAt = (rig: PeerRig) =>
  (rig.wiki.requests.at(-1)?.header("remote-groups") ?? "")
    .split(",")
    .filter((name) => name !== "")
    .sort();

/** Alice signs in on a deep link, and the app learns who she is. */
export async function expectAliceToArrive(rig: PeerRig, signIn: SignIn): Promise<void> {
  const visitor = newVisitor();
  const page = await signIn(visitor, `${rig.urls.wiki}/Deep/link?q=a%20b`, "alice");
  expect(page.status).toBe(200);
  expect(page.url.href).toBe(`${rig.urls.wiki}/Deep/link?q=a%20b`);
  const request = rig.wiki.requests.at(-1);
  expect(["user", "email", "name"].map((what) => request?.header(`remote-${what}`))).toEqual([
    "alice",
    "alice@acme.example",
    "Alice Archer",
  ]);
  expect(groupsAt(rig)).toEqual(["admins", "staff"]);
  expect((await visitor.visit(`${rig.urls.wiki}/admin`)).status).toBe(200);
}

/** Bob, who is staff only, is kept from the admins' pages; Carol, who is in no group, from the staff's. */
export async function expectGroupsToCount(rig: PeerRig, signIn: SignIn): Promise<void> {
  const bob = newVisitor();
  expect((await signIn(bob, `${rig.urls.wiki}/`, "bob")).status).toBe(200);
  expect(groupsAt(rig)).toEqual(["staff"]);
  expect((await bob.visit(`${rig.urls.wiki}/admin`)).status).toBe(403);

  const carol = newVisitor();
  const seen = rig.wiki.requests.length;
  const page = await signIn(carol, `${rig.urls.wiki}/`, "carol");
  expect(page.status).toBe(403);
  expect(page.body).toContain("Carol Cook");
  expect(rig.wiki.requests.length).toBe(seen);
  expect((await carol.browse(`${rig.urls.reports}/`)).status).toBe(200);
  expect(rig.wiki.requests.at(-1)?.header("remote-user")).toBe("carol");
  expect(groupsAt(rig)).toEqual([]);
}

/** A visitor who is signed in, and somebody who has copied the cookies. */
export async function aVisitorAndAThief(rig: PeerRig, signIn: SignIn): Promise<{ readonly visitor: Visitor; readonly thief: Visitor }> {
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "alice");
  const thief = withCookiesOf(visitor, rig.urls.wiki);
  expect(await isSignedIn(thief, rig.urls.wiki)).toBe(true);
  return { visitor, thief };
}

export const leaveGateway = (rig: PeerRig, visitor: Visitor) =>
  visitor.browse(`${rig.urls.wiki}/_vestibule/logout`, { headers: { "sec-fetch-site": "same-origin" } });

/** `page` says goodbye, the cookies are worth nothing, and the provider asks for a password again. */
export async function expectBothLeft(rig: PeerRig, page: VisitorAnswer, { visitor, thief }: Awaited<ReturnType<typeof aVisitorAndAThief>>) {
  expect([page.status, page.url.origin, page.url.pathname]).toEqual([200, rig.urls.auth, "/_vestibule/signed-out"]);
  expect(await isSignedIn(thief, rig.urls.wiki)).toBe(false);
  expect(firstForm(await visitor.browse(`${rig.urls.wiki}/`)).fields).toHaveProperty("password");
}
