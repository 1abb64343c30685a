import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type LdapRig, ldapYaml, startLdapRig, submitPassword } from "../support/ldap-rig.ts";
import { baseEntries, group, groupDn, person, personDn, startSlapd, type TestSlapd } from "../support/slapd.ts";
import { firstForm, newVisitor } from "../support/visitor.ts";

let slapd: TestSlapd;
let rig: LdapRig;
beforeAll(async () => {
  slapd = await startSlapd({
    ldif:
      baseEntries +
      person("alice", { cn: "Zoë Alice" }) +
      person("bob") +
      person("carol") +
      person("gone") +
      person("off", { more: ["objectClass: adUser", "userAccountControl: 514"] }) +
      person("temp", { more: ["objectClass: adUser", "userAccountControl: 512"] }) +
      group("staff", personDn("alice"), personDn("bob"), personDn("gone"), personDn("temp")),
  });
  rig = await startLdapRig({
    providers: ldapYaml("corp", [slapd.url], "      recheck: 1s\n      acr: urn:acme:password\n    emailDomains: [acme.example]\n"),
    app: `    access: [{ allow: { groups: [staff] } }]
    public: ["/healthz"]
`,
  });
}, 60_000);
afterAll(async () => {
  await rig?.close();
  await slapd?.stop();
});

const upstreamHeader = (name: string) => rig.upstream.requests.at(-1)?.header(name);

test("a visitor signs in on the form and reaches the page that was wanted, with name and groups from the directory", async () => {
  const visitor = newVisitor();
  const form = await visitor.browse(`${rig.wiki}/page?x=1`);
  expect(form.status).toBe(200);
  expect(form.url.origin).toBe(rig.auth);
  expect(form.body).toMatch(/<label for="username">/);
  expect(form.body).toMatch(/name="username"[^>]*autocomplete="username"/);
  expect(form.body).toMatch(/name="password" type="password" autocomplete="current-password"/);
  expect(form.body).not.toContain("<script");
  const page = await submitPassword(visitor, form, "alice", "alice-secret");
  expect(page.url.href).toBe(`${rig.wiki}/page?x=1`);
  expect(page.status).toBe(200);
  expect(upstreamHeader("remote-email")).toBe("alice@acme.example");
  expect(upstreamHeader("remote-groups")).toBe("staff");
  expect(upstreamHeader("remote-user")).toMatch(/^[0-9a-f-]{36}$/);
  const [audit] = rig.gateway.logged((line) => line.audit === "login");
  expect(audit).toMatchObject({ principal: { provider: "corp", email: "alice@acme.example" }, acr: "urn:acme:password" });
});

test.each([
  { when: "a wrong password", username: "alice", password: "wrong" },
  { when: "an unknown name", username: "nobody", password: "alice-secret" },
  { when: "an empty password", username: "alice", password: "" },
  { when: "a wildcard", username: "*", password: "alice-secret" },
])("$when shows the form again with one and the same sentence, and the login goes on", async ({ username, password }) => {
  const visitor = newVisitor();
  const form = await visitor.browse(`${rig.wiki}/deep`);
  const again = await submitPassword(visitor, form, username, password);
  expect(again.status).toBe(403);
  expect(again.body).toContain("The user name or the password is not right. Please check both.");
  expect(again.body).toMatch(new RegExp(`value="${username.replace("*", "\\*")}"`));
  expect(again.body).not.toContain(password === "" ? "never" : `value="${password}"`);
  const page = await submitPassword(visitor, again, "bob", "bob-secret");
  expect(page.url.href).toBe(`${rig.wiki}/deep`);
  expect(page.status).toBe(200);
});

test("a login hint fills the name in", async () => {
  const page = await newVisitor().browse(`${rig.auth}/_vestibule/login?return=${encodeURIComponent(`${rig.wiki}/`)}&login_hint=alice`);
  expect(page.body).toMatch(/id="username"[^>]*value="alice"/);
});

test("the form of one browser is worth nothing in another, nor without its state (login CSRF)", async () => {
  const victim = newVisitor();
  const { action, fields } = firstForm(await newVisitor().browse(`${rig.wiki}/`));
  const form = { ...fields, username: "alice", password: "alice-secret" };
  await victim.browse(`${rig.wiki}/`);
  for (const posted of [form, { ...form, state: "" }, { username: "alice", password: "alice-secret" }]) {
    const answer = await victim.visit(action, { form: posted });
    expect(answer.status).toBe(400);
    expect(answer.setCookies.join()).not.toContain("vestibule=");
  }
  expect((await slapd.settledLog()).match(/BIND dn="uid=alice[^"]*" method/g)?.length).toBe(2); // the first test's, and the wrong password's
});

test("a state is good for one login", async () => {
  const visitor = newVisitor();
  const form = await visitor.browse(`${rig.wiki}/`);
  const { action, fields } = firstForm(form);
  await submitPassword(visitor, form, "bob", "bob-secret");
  const again = await visitor.visit(action, { form: { ...fields, username: "bob", password: "bob-secret" } });
  expect(again.status).toBe(400);
});

test("an account that is disabled is told so on a page with a way to start again", async () => {
  const visitor = newVisitor();
  const page = await submitPassword(visitor, await visitor.browse(`${rig.wiki}/`), "off", "off-secret");
  expect(page.status).toBe(403);
  expect(page.body).toContain("This account is disabled.");
  expect(page.body).toContain("Start again");
});

test("somebody outside the groups is signed in and refused", async () => {
  const visitor = newVisitor();
  const page = await submitPassword(visitor, await visitor.browse(`${rig.wiki}/`), "carol", "carol-secret");
  expect(page.status).toBe(403);
  expect(page.url.origin).toBe(rig.wiki);
});

test("who leaves the group, is disabled or deleted while signed in is out within the recheck", async () => {
  const [bob, temp, gone] = await Promise.all(
    ["bob", "temp", "gone"].map(async (uid) => {
      const visitor = newVisitor();
      expect((await submitPassword(visitor, await visitor.browse(`${rig.wiki}/`), uid, `${uid}-secret`)).status).toBe(200);
      return visitor;
    }),
  );
  await slapd.modify(`dn: ${groupDn("staff")}\nchangetype: modify\ndelete: member\nmember: ${personDn("bob")}\n`);
  await slapd.modify(`dn: ${personDn("temp")}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 514\n`);
  await slapd.modify(`dn: ${personDn("gone")}\nchangetype: delete\n`);
  await eventually(async () => expect((await bob?.visit(`${rig.wiki}/`))?.status).toBe(403), { timeoutMs: 15_000, everyMs: 200 });
  for (const visitor of [temp, gone]) {
    await eventually(async () => expect((await visitor?.visit(`${rig.wiki}/`))?.status).toBe(302), { timeoutMs: 15_000, everyMs: 200 });
  }
  await eventually(() => expect(rig.gateway.logged((line) => line.audit === "logout" && line.why === "refresh-refused")).toHaveLength(2));
  await slapd.modify(`dn: ${groupDn("staff")}\nchangetype: modify\nadd: member\nmember: ${personDn("bob")}\n`);
}, 40_000);

test("signing out ends the gateway's sessions, and the page says that nothing else remembers the visitor", async () => {
  const visitor = newVisitor();
  await submitPassword(visitor, await visitor.browse(`${rig.wiki}/`), "alice", "alice-secret");
  const out = await visitor.browse(`${rig.wiki}/_vestibule/logout`, {
    method: "POST",
    headers: { origin: rig.wiki, "sec-fetch-site": "same-origin" },
  });
  expect(out.status).toBe(200);
  expect(out.body).toContain("You can close this window now.");
  expect((await visitor.visit(`${rig.wiki}/`)).status).toBe(302);
});

test("the eleventh password for one account in a minute is not tried", async () => {
  const visitor = newVisitor();
  let page = await visitor.browse(`${rig.wiki}/`);
  const statuses: number[] = [];
  for (let attempt = 0; attempt < 11; attempt += 1) {
    page = await submitPassword(visitor, page, "Victim", `guess-${attempt}`);
    statuses.push(page.status);
  }
  expect(statuses).toEqual([...Array(10).fill(403), 429]);
  expect(page.body).toContain("There were too many attempts with this name.");
  // Another account from the same browser is not held up.
  expect((await submitPassword(visitor, page, "alice", "alice-secret")).status).toBe(200);
});

test("a directory that is down is told on the form; living sessions go on; the next try works", async () => {
  const [signedIn, visitor] = [newVisitor(), newVisitor()];
  await submitPassword(signedIn, await signedIn.browse(`${rig.wiki}/`), "alice", "alice-secret");
  const form = await visitor.browse(`${rig.wiki}/`);
  await slapd.kill();
  const told = await submitPassword(visitor, form, "alice", "alice-secret");
  expect(told.status).toBe(503);
  expect(told.body).toContain("The directory is not answering right now.");
  await eventually(
    async () =>
      expect(
        rig.gateway.logged((line) => line.msg === "a session could not be refreshed now" || /not answer/.test(String(line.msg))).length,
      ).toBeGreaterThan(0),
    { timeoutMs: 10_000 },
  );
  expect((await signedIn.visit(`${rig.wiki}/`)).status).toBe(200);
  await slapd.restart();
  expect((await submitPassword(visitor, told, "alice", "alice-secret")).status).toBe(200);
}, 40_000);

test("no log line and no page holds a password", () => {
  expect(rig.gateway.lines.join("\n")).not.toMatch(/alice-secret|bob-secret|service-secret|guess-1/);
});
