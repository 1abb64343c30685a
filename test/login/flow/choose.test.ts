import { expect, test } from "vitest";
import { GatewayError } from "../../../src/core/errors.ts";
import { readEmailAddress } from "../../../src/lib/names.ts";
import { chooseProvider } from "../../../src/login/flow/start-login.ts";
import { createControlBrowser } from "../../support/control-browser.ts";
import { createControlRig } from "../../support/control-rig.ts";
import { scriptedProvider } from "../../support/scripted-provider.ts";

const reject = () => new GatewayError("logout.token-rejected", "");
const entra = scriptedProvider("entra", reject, { emailDomains: ["acme.example", "xn--caf-dma.example"] });
const google = scriptedProvider("google", reject);
const emergency = { ...scriptedProvider("emergency", reject), onlyByName: true };
const nothing = { named: null, hint: null, present: null };

test.each([
  { when: "the app has one provider", question: { ...nothing, accepted: [google] }, answer: { kind: "go", provider: google } },
  {
    when: "one provider and an unknown address",
    question: { ...nothing, accepted: [google], hint: "a@b.example" },
    answer: { kind: "go", provider: google },
  },
  { when: "several and nothing said", question: { ...nothing, accepted: [entra, google] }, answer: { kind: "ask", problem: null } },
  {
    when: "the other one is an emergency exit",
    question: { ...nothing, accepted: [emergency, google] },
    answer: { kind: "go", provider: google },
  },
  {
    when: "the emergency exit is named",
    question: { ...nothing, accepted: [emergency, google], named: "emergency" },
    answer: { kind: "go", provider: emergency },
  },
  {
    when: "there is no other than an emergency exit",
    question: { ...nothing, accepted: [emergency] },
    answer: { kind: "go", provider: emergency },
  },
  { when: "one is named", question: { ...nothing, accepted: [entra, google], named: "google" }, answer: { kind: "go", provider: google } },
  {
    when: "one is named that the app does not accept",
    question: { ...nothing, accepted: [google], named: "entra" },
    answer: { kind: "unknown" },
  },
  {
    when: "the address has an owner",
    question: { ...nothing, accepted: [entra, google], hint: " Alice@ACME.example " },
    answer: { kind: "go", provider: entra },
  },
  {
    when: "the owner has not proved the domain",
    question: {
      ...nothing,
      accepted: [entra, google],
      hint: "alice@acme.example",
      isUnproven: (domain: string) => domain === "acme.example",
    },
    answer: { kind: "ask", problem: "unknown-domain" },
  },
  {
    when: "another domain is not proved",
    question: { ...nothing, accepted: [entra, google], hint: "alice@acme.example", isUnproven: (domain: string) => domain === "b.example" },
    answer: { kind: "go", provider: entra },
  },
  {
    when: "the address has no owner",
    question: { ...nothing, accepted: [entra, google], hint: "a@b.example" },
    answer: { kind: "ask", problem: "unknown-domain" },
  },
  {
    when: "the address is none",
    question: { ...nothing, accepted: [entra, google], hint: "alice" },
    answer: { kind: "ask", problem: "invalid" },
  },
  {
    when: "a session must become stronger",
    question: { ...nothing, accepted: [entra, google], present: "google" },
    answer: { kind: "go", provider: google },
  },
  { when: "there is no provider", question: { ...nothing, accepted: [] }, answer: { kind: "unknown" } },
])("$when: $answer.kind", ({ question, answer }) => {
  expect(chooseProvider(question)).toEqual(answer);
});

test.each([
  { when: "plain", text: "alice@acme.example", domain: "acme.example" },
  { when: "capitals and blanks around", text: "  Alice@Acme.Example\t", domain: "acme.example" },
  { when: "an international domain", text: "zoë@café.example", domain: "xn--caf-dma.example" },
  { when: "two at signs", text: "alice@acme.example@evil.example", domain: null },
  { when: "no local part", text: "@acme.example", domain: null },
  { when: "no domain", text: "alice@", domain: null },
  // Intranets have them, and `emailDomains` may name one.
  { when: "a host without a dot", text: "alice@intranet", domain: "intranet" },
  { when: "a path behind the domain", text: "alice@acme.example/evil", domain: null },
  { when: "a port behind the domain", text: "alice@acme.example:80", domain: null },
  { when: "a trailing dot", text: "alice@acme.example.", domain: null },
  { when: "a quoted local part", text: '"a@b"@acme.example', domain: null },
  { when: "an address literal", text: "alice@[127.0.0.1]", domain: null },
  { when: "a percent escape in the domain", text: "alice@acme%2eexample", domain: null },
  { when: "a line break", text: "alice@acme.example\r\nx: y", domain: null },
  { when: "a display name", text: "Alice <alice@acme.example>", domain: null },
  { when: "a list", text: "a@acme.example,b@acme.example", domain: null },
  { when: "direction marks", text: "alice@\u202eacme.example", domain: null },
  { when: "a NUL", text: "alice\0@acme.example", domain: null },
  { when: "a lone surrogate", text: "\ud800@acme.example", domain: null },
  { when: "more than 254 characters", text: `${"a".repeat(250)}@acme.example`, domain: null },
  { when: "nothing", text: "", domain: null },
])("an e-mail address with $when is read as the domain $domain", ({ text, domain }) => {
  expect(readEmailAddress(text.trim())?.domain ?? null).toBe(domain);
});

const login = `https://auth.acme.example/_vestibule/login?return=${encodeURIComponent("https://reports.other.example/q?x=1")}`;

test("the chooser asks for the address, keeps the wanted page in its form, and offers the providers as links", async () => {
  const rig = createControlRig();
  const page = await createControlBrowser(rig).go("https://reports.other.example/q?x=1");
  expect(page.status).toBe(200);
  expect(page.body).toMatch(/<form method="get" action="\/_vestibule\/login">/);
  expect(page.body).toContain("Continue with Provider entra");
  expect(page.body).toContain("Continue with Provider google");
  expect(page.body).not.toContain("adfs");
  expect(page.body).not.toContain("<script");
});

test("the address typed there leads to its owner, who is told the address", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const chooser = await browser.go("https://reports.other.example/q?x=1");
  const wish = /name="wish" value="([^"]+)"/.exec(chooser.body)?.[1] ?? "";
  const query = new URLSearchParams({ wish, login_hint: "alice@acme.example" });
  const page = await browser.go(`https://auth.acme.example/_vestibule/login?${query}`);
  expect(page.url).toBe("https://reports.other.example/q?x=1");
  expect(rig.providers.entra.script.begun[0]?.loginHint).toBe("alice@acme.example");
});

test.each([
  { when: "an unknown domain", hint: "a@nowhere.example", words: "does not belong to any sign-in service" },
  { when: "no address", hint: "alice", words: "does not look like an e-mail address" },
])("$when brings the chooser back with the problem tied to the field", async ({ hint, words }) => {
  const page = await createControlBrowser(createControlRig()).go(`${login}&login_hint=${encodeURIComponent(hint)}`);
  expect(page.status).toBe(400);
  expect(page.body).toContain(words);
  expect(page.body).toMatch(new RegExp(`value="${hint}" aria-describedby="problem" aria-invalid="true"`));
});

test("login_hint and provider given by the app skip the chooser", async () => {
  const rig = createControlRig();
  expect((await createControlBrowser(rig).go(`${login}&login_hint=bob@acme.example`)).body).toContain("by entra");
  expect((await createControlBrowser(rig).go(`${login}&provider=google`)).body).toContain("by google");
  expect(rig.providers.entra.script.begun[0]?.loginHint).toBe("bob@acme.example");
});

test("a provider that the app does not accept is an error", async () => {
  const page = await createControlBrowser(createControlRig()).go(`${login}&provider=adfs`);
  expect(page.status).toBe(404);
  expect(page.body).toContain("There is no such sign-in service here.");
});

test("another account shows the chooser though there is a session, and keeps the will to reauthenticate", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  await browser.go(`${login}&provider=google`);
  const chooser = await browser.go(`${login}&another=1`);
  expect(chooser.body).toContain("Continue with Provider google");
  const url = /href="(\/_vestibule\/login\?[^"]*provider=google)"/.exec(chooser.body)?.[1]?.replaceAll("&amp;", "&") ?? "";
  await browser.go(`https://auth.acme.example${url}`);
  expect(rig.providers.google.script.begun[1]?.reauthenticate).toBe(true);
});
