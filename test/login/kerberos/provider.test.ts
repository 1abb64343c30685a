import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { Incoming } from "../../../src/core/incoming.ts";
import type { LoginRequest } from "../../../src/core/ports/login-provider.ts";
import type { Principal } from "../../../src/core/session.ts";
import { createKerberosProvider } from "../../../src/login/kerberos/provider.ts";
import { type KerberosSettings, kerberosAttributes } from "../../../src/login/kerberos/settings.ts";
import type { LdapProvider } from "../../../src/login/ldap/port.ts";
import { startKdc, type TestKdc } from "../../support/kdc.ts";
import { keyOfKeytab } from "../../support/kerberos-seal.ts";
import { writeLogonInfo } from "../../support/logon-info.ts";
import { anIncoming } from "../../support/policy-builders.ts";
import { noMetrics, recordingLog } from "../../support/quiet.ts";
import { withPac } from "../../support/resealed-ticket.ts";

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
const attributes = { ...kerberosAttributes, extra: { sid: "sid" } };

interface Around {
  readonly directory?: LdapProvider;
  readonly groupNames?: Readonly<Record<string, string>>;
  readonly groupsPrefix?: string;
}

function providerAt(scheme: "https" | "http", more: Partial<KerberosSettings> = {}, around: Around = {}) {
  const settings = { ...kerberos, ...more };
  const { groupNames = {}, groupsPrefix = null, directory } = around;
  return createKerberosProvider({
    settings: { id: "windows", name: "Windows", emailDomains: [], protocol: settings, attributes, groupNames, groupsPrefix } as never,
    kerberos: settings,
    authOrigin: { scheme, hostname: "auth.acme.example", port: scheme === "https" ? 443 : 80 },
    claimNames: [],
    allowHttp: false,
    ownerOfDomain: () => null,
    provider: () => directory,
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

let kdc: TestKdc;
let alice: NodeJS.ProcessEnv;
let keytabFile: string;
beforeAll(async () => {
  kdc = await startKdc();
  keytabFile = await kdc.keytab("http.keytab", ["HTTP/auth.test"]);
  alice = await kdc.signIn("alice");
}, 60_000);
afterAll(() => kdc?.stop());

const domain = "S-1-5-21-1-2-3";
const logonInfo = writeLogonInfo({ domain, userId: 1102, fullName: "Alice Adams", groups: [{ rid: 1103 }], extra: [{ sid: "S-1-18-1" }] });

/** Who a ticket of alice's is; `signedBy` null: the KDC's own PAC, which names no groups. */
async function whoIs(more: Partial<KerberosSettings>, around: Around, signedBy: "service" | "another" | null): Promise<Principal> {
  const key = keyOfKeytab(keytabFile);
  const issued = Buffer.from(await kdc.token(alice, "auth.test"), "base64");
  const token = signedBy === null ? issued : withPac(issued, key, { logonInfo, signedBy: signedBy === "service" ? key : Buffer.alloc(32) });
  const provider = providerAt("https", { keytabFile, principals: ["HTTP/auth.test"], ...more }, around);
  onTestFinished(() => provider.close());
  const start = await provider.begin(asked({ authorization: `Negotiate ${token.toString("base64")}` }));
  if (start.go.kind !== "vouched") throw new Error(start.go.kind);
  return start.go.vouched.principal;
}

test("without a directory the groups are those of a verified PAC, by SID or by the name that groupNames gives them", async () => {
  const around = { groupNames: { [`${domain}-1103`]: "staff" }, groupsPrefix: "acme:" };
  expect(await whoIs({ lookup: null }, around, "service")).toMatchObject({
    subject: "alice@ACME.EXAMPLE",
    name: "Alice Adams",
    groups: { kind: "known", names: [`acme:${domain}-513`, "acme:staff", "acme:S-1-18-1"] },
    extra: { sid: [`${domain}-1102`] },
  });
});

test.each([
  { when: "another key has signed it", signedBy: "another" },
  { when: "there is none that names groups", signedBy: null },
] as const)("without a directory groups are unknown when the PAC does not count: $when", async ({ signedBy }) => {
  const { groups, name, extra } = await whoIs({ lookup: null }, {}, signedBy);
  expect([groups.kind, name, extra]).toEqual(["unknown", "alice", {}]);
});

const directoryOf = (sid: string | null) =>
  ({
    kind: "ldap",
    id: "corp",
    nextRecheck: () => null,
    lookUp: (login: string) =>
      Promise.resolve({
        kind: "ok",
        identity: {
          provider: "corp",
          subject: login,
          email: null,
          name: null,
          groups: { kind: "known", names: ["staff"] },
          extra: {},
          claims: {},
        },
        entry: { dn: "cn=alice", attributes: new Map(sid === null ? [] : [["objectsid", [sid]]]) },
      }),
  }) as never;

test("with a directory the groups are the directory's, whatever the ticket says", async () => {
  for (const sid of [null, `${domain}-1102`]) {
    const { groups } = await whoIs({}, { directory: directoryOf(sid) }, "service");
    expect(groups).toEqual({ kind: "known", names: ["staff"] });
  }
});

test("an entry whose SID is not the ticket's is somebody else's", async () => {
  const asking = whoIs({}, { directory: directoryOf(`${domain}-500`) }, "service");
  await expect(asking).rejects.toMatchObject({ code: "login.provider-refused", message: expect.stringContaining("userFilter") });
  // Of an unsigned PAC nothing counts, also against its owner.
  expect((await whoIs({}, { directory: directoryOf(`${domain}-500`) }, "another")).provider).toBe("windows");
});

test("with several realms the login that is looked up is the whole principal", async () => {
  const { subject } = await whoIs({ realms: ["ACME.EXAMPLE", "OTHER.EXAMPLE"] }, { directory: directoryOf(null) }, null);
  expect(subject).toBe("alice@ACME.EXAMPLE");
});
