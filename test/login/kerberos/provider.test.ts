import { expect, test } from "vitest";
import type { Incoming } from "../../../src/core/incoming.ts";
import type { LoginRequest } from "../../../src/core/ports/login-provider.ts";
import { createKerberosProvider } from "../../../src/login/kerberos/provider.ts";
import type { KerberosSettings } from "../../../src/login/kerberos/settings.ts";
import { anIncoming } from "../../support/policy-builders.ts";
import { noMetrics, recordingLog } from "../../support/quiet.ts";

const kerberos: KerberosSettings = {
  kind: "kerberos",
  keytabFile: "/nowhere",
  principals: ["HTTP/auth.acme.example"],
  realms: ["ACME.EXAMPLE"],
  networks: ["10.0.0.0/8"],
  lookup: "corp",
  fallback: "corp",
  acr: "urn:acme:windows",
};
const attributes = { subject: "principal", email: "email", name: ["name"], groups: null, extra: {} };

function providerAt(scheme: "https" | "http", more: Partial<KerberosSettings> = {}) {
  const settings = { ...kerberos, ...more };
  return createKerberosProvider({
    settings: { id: "windows", name: "Windows", emailDomains: [], protocol: settings, attributes, groupNames: {} } as never,
    kerberos: settings,
    authOrigin: { scheme, hostname: "auth.acme.example", port: scheme === "https" ? 443 : 80 },
    claimNames: [],
    allowHttp: false,
    ownerOfDomain: () => null,
    provider: () => undefined,
    store: { facts: { once: () => Promise.resolve(true) }, documents: {} } as never,
    clock: Date.now,
    log: recordingLog(),
    audit: () => undefined,
    metrics: noMetrics,
  });
}
const asked = (incoming: Partial<Incoming> = {}, more: Partial<LoginRequest> = {}): LoginRequest => ({
  state: "s",
  loginHint: null,
  acr: [],
  reauthenticate: false,
  incoming: anIncoming({ client: "10.1.2.3", wantsPage: true, ...incoming }),
  urlOf: (id) => `/_vestibule/login?provider=${id}`,
  wasChallenged: false,
  ...more,
});

test.each([
  { when: "a page from the networks", scheme: "https", request: asked(), go: "challenge" },
  { when: "a visitor from elsewhere", scheme: "https", request: asked({ client: "203.0.113.9" }), go: "instead" },
  { when: "an origin without TLS", scheme: "http", request: asked(), go: "instead" },
  { when: "a script", scheme: "https", request: asked({ wantsPage: false }), go: "instead" },
  { when: "a browser that had no answer before", scheme: "https", request: asked({}, { wasChallenged: true }), go: "instead" },
  { when: "another account", scheme: "https", request: asked({}, { reauthenticate: true }), go: "instead" },
  {
    when: "a strength that tickets have",
    scheme: "https",
    request: asked({}, { reauthenticate: true, acr: ["urn:acme:windows"] }),
    go: "challenge",
  },
  {
    when: "a strength that tickets lack",
    scheme: "https",
    request: asked({}, { reauthenticate: true, acr: ["urn:acme:mfa"] }),
    go: "instead",
  },
  {
    when: "NTLM",
    scheme: "https",
    request: asked({ authorization: `Negotiate ${Buffer.from("NTLMSSP\0").toString("base64")}` }),
    go: "instead",
  },
  { when: "another scheme", scheme: "https", request: asked({ authorization: "Basic YTpi" }), go: "challenge" },
] as const)("$when: $go", async ({ scheme, request, go }) => {
  const provider = providerAt(scheme);
  const start = await provider.begin(request);
  provider.close();
  expect(start.go.kind).toBe(go);
  if (start.go.kind === "challenge") {
    expect(start.go).toMatchObject({ scheme: "Negotiate", page: { page: "onward", url: "/_vestibule/login?provider=corp" } });
  }
});

test("without a fallback the page of the challenge says what is missing, and leads nowhere", async () => {
  const provider = providerAt("https", { fallback: null });
  expect((await provider.begin(asked())).go).toMatchObject({ kind: "challenge", page: { page: "error", code: "kerberos.no-ticket" } });
  await expect(provider.begin(asked({ client: "203.0.113.9" }))).rejects.toMatchObject({ code: "kerberos.no-ticket" });
  provider.close();
});
