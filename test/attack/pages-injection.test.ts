import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { PageModel } from "../../src/core/ports/pages.ts";
import { createRenderPage } from "../../src/pages/render-page.ts";
import { createControlBrowser } from "../support/control-browser.ts";
import { createControlRig } from "../support/control-rig.ts";

/** Reflected and stored script injection into the gateway's pages, and what protects them when all else fails. */
const payloads = [
  `"><script>alert(1)</script>`,
  `' onmouseover='alert(1)`,
  `</title><script>alert(1)</script>`,
  `</style><script>alert(1)</script>`,
  `&lt;script&gt;`,
  `<img src=x onerror=alert(1)>`,
  "javascript:alert(1)",
  "{{7*7}}#{7*7}",
];
const render = createRenderPage({
  locale: { default: "en", available: ["en", "fr"] },
  insecure: { plainHttp: false, httpProviders: false },
});

/** Every page with the payload in every text that it shows. */
function models(text: string): readonly PageModel[] {
  return [
    {
      page: "chooser",
      app: text,
      action: text,
      fields: { [text]: text },
      providers: [{ id: text, name: text, url: text }],
      email: text,
      problem: "invalid",
    },
    {
      page: "refusal",
      app: text,
      who: { name: text, email: text, subject: text, provider: text },
      reason: "denied-by-rule",
      path: text,
      appUrl: text,
      anotherAccountUrl: text,
      logoutUrl: text,
    },
    { page: "error", code: "login.stale", startAgainUrl: text },
    { page: "loop", app: text, causes: ["clock"], startAgainUrl: text },
    { page: "confirm-logout", action: text, who: text, backUrl: text },
    { page: "signed-out", startAgainUrl: text, complete: false },
    { page: "continue", action: text, fields: { [text]: text } },
  ];
}

const script = "document.forms[0].submit()";

test.each(payloads)("no page runs %j, wherever it stands", (text) => {
  for (const model of models(text)) {
    const { body } = render(200, model, { requestId: text, acceptLanguage: text });
    const ours = body.replace(`<script>${script}</script>`, "").replace(/<style>[\s\S]*?<\/style>/, "");
    expect(ours).not.toMatch(/<script/i);
    expect(ours).not.toMatch(/<img/i);
    expect(ours).not.toMatch(/(?:href|action)="\s*javascript:/i);
    const tags = [...ours.matchAll(/<[a-z][^>]*>/gi)].map(([tag]) => tag.replace(/"[^"]*"/g, '""'));
    expect(tags.filter((tag) => /\son\w+\s*=/i.test(tag) || tag.includes("'"))).toEqual([]);
  }
});

test("every page allows one style by its hash, no inline anything, no frame, no cache", () => {
  for (const model of models("x")) {
    const { headers, body } = render(200, model, { requestId: "r", acceptLanguage: null });
    const field = (name: string) => headers.find(([candidate]) => candidate === name)?.[1] ?? "";
    const policy = field("Content-Security-Policy");
    const style = /<style>([\s\S]*?)<\/style>/.exec(body)?.[1] ?? "";
    expect(policy).toContain(`'sha256-${createHash("sha256").update(style).digest("base64")}'`);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("base-uri 'none'");
    expect(policy).not.toContain("unsafe");
    expect(body).not.toMatch(/\sstyle="/);
    expect(policy.includes("script-src")).toBe(model.page === "continue");
    expect(policy.includes("form-action 'none'")).toBe(!body.includes("<form"));
    const told = ["Cache-Control", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Cross-Origin-Resource-Policy"];
    expect(told.map(field)).toEqual(["no-store", "nosniff", "DENY", "same-origin", "same-origin"]);
  }
});

test.each(payloads)("nothing sent with a request comes back unescaped: %j", async (text) => {
  const rig = createControlRig();
  const value = encodeURIComponent(text);
  const login = `https://auth.acme.example/_vestibule/login?return=${encodeURIComponent("https://reports.other.example/")}`;
  for (const url of [
    `${login}&login_hint=${value}`,
    `${login}&provider=${value}`,
    `https://auth.acme.example/_vestibule/login?wish=${value}`,
    `https://auth.acme.example/_vestibule/oidc/entra/callback?error=${value}&error_description=${value}&state=${value}`,
    `https://auth.acme.example/_vestibule/oidc/${value}/callback`,
    `https://auth.acme.example/_vestibule/signed-out?state=${value}`,
    `https://wiki.acme.example/_vestibule/enter?ticket=${value}`,
    `https://wiki.acme.example/_vestibule/${value}`,
  ]) {
    const page = await createControlBrowser(rig).go(url);
    expect(page.body.replace(/<style>[\s\S]*?<\/style>/, "")).not.toMatch(/<script|<img|onmouseover='/i);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
  }
});

test("every control answer is kept nowhere, sniffed by nobody and framed by nobody", async () => {
  const rig = createControlRig();
  const ask = (url: string) => createControlBrowser(rig).ask(url);
  for (const url of [
    "https://wiki.acme.example/_vestibule/session",
    "https://wiki.acme.example/_vestibule/enter?return=/",
    "https://wiki.acme.example/_vestibule/logout",
    "https://wiki.acme.example/_vestibule/nothing",
    "https://auth.acme.example/_vestibule/login",
    "https://auth.acme.example/_vestibule/signed-out",
    "https://auth.acme.example/_vestibule/oidc/entra/callback",
    "https://auth.acme.example/_vestibule/oidc/entra/frontchannel-logout",
  ]) {
    const { headers } = await ask(url);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("x-frame-options")).toBe("DENY");
    expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    expect(headers.get("referrer-policy")).toMatch(/^(?:no-referrer|same-origin)$/);
    expect(headers.get("x-request-id")).toBe("r-1");
  }
});
