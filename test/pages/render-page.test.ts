import { expect, test } from "vitest";
import { type ErrorCode, GatewayError, visitorWords } from "../../src/core/errors.ts";
import { createRenderPage } from "../../src/pages/render-page.ts";
import { english } from "../../src/pages/texts/english.ts";
import { french } from "../../src/pages/texts/french.ts";
import { createChooseLocale } from "../../src/pages/texts/locale.ts";
import { errorWords } from "../../src/pages/texts/texts.ts";

const both = { default: "en", available: ["en", "fr"] };

test.each([
  { when: "French is wanted", header: "fr", settings: both, tag: "fr" },
  { when: "a region of it", header: "fr-CA,en;q=0.5", settings: both, tag: "fr" },
  { when: "the quality decides, not the order", header: "en;q=0.3, fr;q=0.8", settings: both, tag: "fr" },
  { when: "among equals the first", header: "en,fr", settings: both, tag: "en" },
  { when: "only languages that are not there", header: "de,ja", settings: both, tag: "en" },
  { when: "one that is not there, then French", header: "de,fr;q=0.1", settings: both, tag: "fr" },
  { when: "French is ruled out", header: "fr;q=0", settings: both, tag: "en" },
  { when: "anything", header: "*", settings: { ...both, default: "fr" }, tag: "fr" },
  { when: "nothing is said", header: null, settings: { ...both, default: "fr" }, tag: "fr" },
  { when: "French is not offered", header: "fr", settings: { default: "en", available: ["en"] }, tag: "en" },
  { when: "nonsense", header: ";;q=,,=,fr;q=x", settings: both, tag: "fr" },
  { when: "a language that only begins alike", header: "frr", settings: both, tag: "en" },
])("$when: $tag", ({ header, settings, tag }) => {
  expect(createChooseLocale(settings)(header).tag).toBe(tag);
});

const errorCodes = Object.keys(visitorWords()).map((key) => key.slice("error.".length)) as ErrorCode[];

test("the English pages say what the error table says, and French says something else", () => {
  for (const code of errorCodes) {
    expect(errorWords(english, code)).toBe(new GatewayError(code, "").visitorMessage);
    expect(errorWords(french, code)).not.toBe(errorWords(english, code));
  }
});

const render = createRenderPage({
  locale: both,
  insecure: { plainHttp: false, httpProviders: false },
  providers: [{ id: "entra", name: "Acme Microsoft 365" }],
});

test("a refusal says who you are, which app, why, and offers the ways on", () => {
  const { body } = render(
    403,
    {
      page: "refusal",
      app: "Reports",
      who: { name: "Carol", email: "carol@acme.example", subject: "c-1", provider: "entra" },
      reason: "no-rule-matched",
      path: "/q3",
      appUrl: "https://reports.other.example/",
      anotherAccountUrl: "https://auth.acme.example/_vestibule/login?return=x&another=1",
      logoutUrl: "https://reports.other.example/_vestibule/logout",
    },
    { requestId: "req-42", acceptLanguage: "fr" },
  );
  for (const part of [
    'lang="fr"',
    "Carol",
    "carol@acme.example",
    "Acme Microsoft 365",
    "Reports",
    "req-42",
    "another=1",
    "Se déconnecter",
  ]) {
    expect(body).toContain(part);
  }
  expect(body).toContain(french["refusal.reason.no-rule-matched"]);
});

test("a page is usable without sight: language, one main landmark, one heading, a labelled field, the problem announced", () => {
  const { body } = render(
    400,
    {
      page: "chooser",
      app: "Wiki",
      action: "/_vestibule/login",
      fields: {},
      providers: [{ id: "a", name: "A", url: "/x" }],
      email: "",
      problem: "invalid",
    },
    { requestId: "r", acceptLanguage: null },
  );
  expect(body).toMatch(/<html lang="en">/);
  expect(body.match(/<main /g)).toHaveLength(1);
  expect(body.match(/<h1/g)).toHaveLength(1);
  expect(body).toContain('<label for="email">');
  expect(body).toContain('id="problem" role="alert"');
  expect(body).toContain('<nav aria-label="Choose where to sign in">');
  expect(body).toMatch(/<title>Error: Sign in · Wiki<\/title>/);
});

test.each([
  { when: "a chooser that tells of a problem", problem: "provider-unavailable" as const, wanted: 1 },
  { when: "one that only asks", problem: null, wanted: 0 },
])("$when has a request number: $wanted", ({ problem, wanted }) => {
  const model = { page: "chooser", app: null, action: "/x", fields: {}, providers: [], email: "", problem } as const;
  const { body } = render(problem === null ? 200 : 503, model, { requestId: "7m2k-q9w3-xr04-dzte", acceptLanguage: null });
  expect(body.match(/<code>7m2k-q9w3-xr04-dzte<\/code>/g) ?? []).toHaveLength(wanted);
});

test("a form's way may lead over http only where the configuration opened that hole", () => {
  const model = { page: "chooser", app: null, action: "/x", fields: {}, providers: [], email: "", problem: null } as const;
  const policy = (insecure: { plainHttp: boolean; httpProviders: boolean }) =>
    createRenderPage({ locale: both, insecure })(200, model, { requestId: "r", acceptLanguage: null }).headers.find(
      ([name]) => name === "Content-Security-Policy",
    )?.[1];
  expect(policy({ plainHttp: false, httpProviders: false })).toContain("form-action 'self' https:;");
  expect(policy({ plainHttp: false, httpProviders: true })).toContain("form-action 'self' https: http:;");
});

test("over https every page tells the browser to come that way only, for its own host", () => {
  const hsts = (https: boolean) => {
    const render = createRenderPage({ locale: both, insecure: { plainHttp: !https, httpProviders: false }, https });
    const { headers } = render(
      403,
      { page: "error", code: "request.not-found", startAgainUrl: null },
      { requestId: "r-1", acceptLanguage: null },
    );
    return headers.filter(([name]) => name === "Strict-Transport-Security").map(([, value]) => value);
  };
  expect([hsts(true), hsts(false)]).toEqual([["max-age=31536000"], []]);
});

test("a name that turns the direction of a line turns none; what a form sends stays as it is", () => {
  const turned = "Bob \u202eelgooG\u2066";
  const { body } = render(
    200,
    { page: "confirm-logout", action: `/l?who=${turned}`, who: turned, backUrl: "/" },
    { requestId: "r-1", acceptLanguage: "en" },
  );
  expect(body).toContain("Bob elgooG");
  expect(body).toContain(`action="/l?who=${turned}"`);
  expect(body.replaceAll(/"[^"]*"/g, "")).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
});
