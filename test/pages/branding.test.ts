import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { type BrandingSettings, noBranding, pageGrounds } from "../../src/core/branding.ts";
import { type ErrorCode, visitorWords } from "../../src/core/errors.ts";
import type { PageContext, PageModel } from "../../src/core/ports/pages.ts";
import { contrast, parseColour } from "../../src/lib/contrast.ts";
import { createRenderPage } from "../../src/pages/render-page.ts";

const image = { type: "image/svg+xml", bytes: Buffer.from("<svg/>") } as const;
const branding: BrandingSettings = {
  name: "Acme",
  logo: { light: image, dark: { ...image, bytes: Buffer.from("<svg />") } },
  accent: "#7a1f5c",
  support: { text: "IT <desk>", url: "mailto:help@acme.example" },
  footer: [{ text: "Privacy", url: "https://acme.example/privacy" }],
  css: "h1{font-style:italic}",
};
const wiki = { name: "Wiki", url: "https://wiki.acme.example/" };
const deps = {
  locale: { default: "en", available: ["en", "fr"] },
  insecure: { plainHttp: false, httpProviders: false },
  home: "https://auth.acme.example/",
  appOn: (hostname: string) => (hostname === "wiki.acme.example" ? wiki : null),
};
const render = createRenderPage({ ...deps, branding });
const here: PageContext = { requestId: "r-1", acceptLanguage: "en", hostname: "wiki.acme.example", again: "/page?id=7" };
const linksOf = (body: string) =>
  [...body.matchAll(/<a class="button (\w+)" href="([^"]*)">([^<]*)<\/a>/g)].map(([, look, url, label]) => ({ look, url, label }));

const refusal = (change: Partial<PageModel & { page: "refusal" }> = {}): PageModel => ({
  page: "refusal",
  app: "Wiki",
  who: { name: "Bob", email: "bob@acme.example", subject: "b", provider: "entra" },
  reason: "no-rule-matched",
  path: "/admin/x",
  appUrl: wiki.url,
  anotherAccountUrl: "https://auth.acme.example/another",
  logoutUrl: "https://wiki.acme.example/_vestibule/logout",
  ...change,
});

const everyPage: readonly PageModel[] = [
  refusal(),
  { page: "chooser", app: "Wiki", action: "/l", fields: {}, providers: [], email: "", problem: null },
  { page: "error", code: "upstream.timeout", startAgainUrl: null },
  { page: "loop", app: "Wiki", causes: ["clock"], startAgainUrl: wiki.url },
  { page: "confirm-logout", action: "/l", who: "Bob", backUrl: "/" },
  { page: "signed-out", startAgainUrl: wiki.url, complete: true },
  { page: "still-signed-in", who: "Bob", logoutUrl: "/_vestibule/logout" },
  { page: "continue", action: "https://idp.example/", fields: {} },
];

test.each(everyPage)("the page $page has the organisation's name, logo, colour, links and lines", (model) => {
  const { body, headers } = render(200, model, here);
  expect(body).toMatch(/<title>[^<]* · Acme<\/title>/);
  expect(body).toMatch(
    /<source srcset="\/_vestibule\/branding\/logo-dark\?v=[\w-]{12}" media="\(prefers-color-scheme: dark\)"><img class="logo" src="\/_vestibule\/branding\/logo-light\?v=[\w-]{12}" alt="Acme">/,
  );
  expect(body).toContain('<a href="https://acme.example/privacy">Privacy</a>');
  const style = /<style>([\s\S]*)<\/style>/.exec(body)?.[1] ?? "";
  expect(style).toContain("--accent:#7a1f5c;");
  expect(style).toContain("h1{font-style:italic}");
  const policy = headers.find(([name]) => name === "Content-Security-Policy")?.[1] ?? "";
  expect(policy).toContain(`style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`);
  expect(policy).toContain("img-src 'self' data:");
});

test("without branding nothing of anybody's is shown, and nothing is fetched", () => {
  const { body, headers } = createRenderPage(deps)(
    200,
    { page: "signed-out", startAgainUrl: null, complete: true },
    { ...here, hostname: null },
  );
  expect(body).toContain("<title>You are signed out</title>");
  expect(body).not.toMatch(/<footer|<img|logo-/);
  expect(headers.find(([name]) => name === "Content-Security-Policy")?.[1]).toContain("img-src data:;");
});

test.each(["#7a1f5c", "#0b5c55", "#000000", "#5a5a00", "#a30000", "#003cff"])(
  "on dark pages %s is as readable as on light ones",
  (accent) => {
    const { body } = createRenderPage({ ...deps, branding: { ...noBranding, accent } })(200, everyPage[0] as PageModel, here);
    const [, text = "", ink = ""] = /dark\)\{:root\{--accent:(#\w{6});--accent-ink:(#\w{6});/.exec(body) ?? [];
    const [colour, inkColour, ground] = [text, ink, pageGrounds.dark].map((one) => parseColour(one) ?? ([1, 1, 1] as const));
    expect(contrast(colour ?? [0, 0, 0], ground ?? [0, 0, 0])).toBeGreaterThanOrEqual(4.5);
    expect(contrast(colour ?? [0, 0, 0], inkColour ?? [0, 0, 0])).toBeGreaterThanOrEqual(4.5);
  },
);

test("no failure is a dead end: each page leads somewhere, with or without an app", () => {
  for (const key of Object.keys(visitorWords())) {
    const code = key.slice("error.".length) as ErrorCode;
    for (const hostname of ["wiki.acme.example", "unknown.example", null]) {
      const { body } = render(400, { page: "error", code, startAgainUrl: null }, { ...here, hostname });
      expect(linksOf(body), `${code} on ${hostname}`).not.toEqual([]);
    }
  }
});

test.each([
  { code: "upstream.unreachable", ways: ["Try again /page?id=7", "Go to Wiki https://wiki.acme.example/"] },
  { code: "upstream.timeout", ways: ["Try again /page?id=7", "Go to Wiki https://wiki.acme.example/"] },
  { code: "request.not-found", ways: ["Go to Wiki https://wiki.acme.example/"] },
] as const)("the ways on from $code", ({ code, ways }) => {
  const { body } = render(502, { page: "error", code, startAgainUrl: null }, here);
  expect(linksOf(body).map(({ label, url }) => `${label} ${url}`)).toEqual(ways);
  expect(body).toContain("· Wiki · Acme</title>");
});

test("a host that is none of ours leads to the start page, and a login that expired to its own beginning", () => {
  const unknown = render(
    421,
    { page: "error", code: "request.host-unknown", startAgainUrl: null },
    { ...here, hostname: "x.example", again: "/" },
  );
  expect(linksOf(unknown.body).map(({ url }) => url)).toEqual(["https://auth.acme.example/"]);
  const stale = render(400, { page: "error", code: "login.stale", startAgainUrl: wiki.url }, here);
  expect(linksOf(stale.body)).toEqual([{ look: "primary", url: wiki.url, label: "Start again" }]);
});

test("a refusal names the page, and leads back to the app before it offers another account", () => {
  const { body } = render(403, refusal(), here);
  expect(body).toContain("/admin/x");
  expect(linksOf(body).map(({ look, label }) => `${look} ${label}`)).toEqual([
    "primary Go to Wiki",
    "plain Use another account",
    "plain Sign out",
  ]);
  expect(body).toContain('ask <a href="mailto:help@acme.example">IT &lt;desk&gt;</a> and give them this number:');
});

test.each([
  { reason: "no-rule-matched", links: ["primary Use another account", "plain Sign out"] },
  { reason: "denied-by-rule", links: ["plain Use another account", "plain Sign out"] },
  { reason: "origin-not-allowed", links: ["plain Sign out"] },
] as const)("at the app's own start another account is as loud as it may help: $reason", ({ reason, links }) => {
  const { body } = render(403, refusal({ reason, path: "/" }), here);
  expect(linksOf(body).map(({ look, label }) => `${look} ${label}`)).toEqual(links);
});
