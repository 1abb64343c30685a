import { expect, test } from "vitest";
import type { LoginRequest } from "../../../src/core/ports/login-provider.ts";
import type { SamlContext } from "../../../src/login/saml/context.ts";
import { concludeLogin } from "../../../src/login/saml/login.ts";
import { accountOf, readLogoutHandle, sessionOf } from "../../../src/login/saml/messages/name-id.ts";
import { verifyResponse } from "../../../src/login/saml/messages/response.ts";
import type { SamlSettings } from "../../../src/login/saml/settings.ts";
import { recordingLog } from "../../support/quiet.ts";
import {
  aKey,
  aSignedResponse,
  attribute,
  bearer,
  codeOf,
  expecting,
  headAttributes,
  login,
  now,
  type Parts,
} from "../../support/saml-documents.ts";

const key = aKey();
const minute = 60_000;

/** What `receive` verified and kept, brought together with what this browser asked (null = nothing). */
function conclude(
  parts: Parts,
  asked: Partial<LoginRequest & { startedAt: number }> | null,
  saml: Partial<SamlSettings> = {},
  { log = recordingLog(), groups = null }: { log?: ReturnType<typeof recordingLog>; groups?: string | null } = {},
) {
  const parcel = JSON.stringify(verifyResponse(aSignedResponse("both", key, parts), expecting(key, { allowUnsolicited: true })));
  const attributes = { subject: "NameID", email: "email", name: [], groups, extra: {} };
  const context = {
    settings: { id: "adfs" },
    saml: { authnContext: [], forceAuthn: false, clockToleranceMs: minute, ...saml },
    mapping: { provider: "adfs", attributes, groupNames: {}, claimNames: [], ownerOfDomain: () => null },
    clock: () => now,
    log,
  } as unknown as SamlContext;
  if (asked === null) return concludeLogin(context, parcel, null);
  const memory = { requestId: "_request", startedAt: String(asked.startedAt ?? now - minute) };
  const request = { acr: asked.acr ?? [], reauthenticate: asked.reauthenticate ?? false };
  return concludeLogin(context, parcel, { state: "request", memory, request });
}
const unasked: Parts = { responseAttributes: headAttributes({ InResponseTo: null }), confirmation: bearer({ InResponseTo: null }) };
const old: Parts = { authnStatement: login({ AuthnInstant: new Date(now - 60 * minute).toISOString() }) };

test("the session ends with the provider's, and holds the names that its logout messages will use", () => {
  const { endsAtLatest, providerSession, providerAccount, logoutHandle } = conclude({}, {});
  const nameId = {
    value: "alice",
    format: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    nameQualifier: null,
    spNameQualifier: null,
  };
  expect(endsAtLatest).toBe(now + 28_800_000);
  expect(providerSession).toBe(sessionOf(nameId, "_index"));
  expect(providerAccount).toBe(accountOf(nameId));
  expect(readLogoutHandle(logoutHandle ?? "")).toEqual({ nameId, sessionIndex: "_index" });
});

test.each([
  {
    when: "an address and a group that did not come",
    attributes: "",
    told: '"missing":["email","groups"],"unusable":[],"received":"no attributes"',
  },
  {
    when: "two addresses where one is meant",
    attributes: attribute("email", "a@acme.example", "b@acme.example") + attribute("groups", "staff"),
    told: '"unusable":["email holds 2 values, one is meant"]',
  },
  {
    when: "a list of groups in one value",
    attributes: attribute("email", "a@acme.example") + attribute("groups", "staff,contractors"),
    told: '"claim":"groups","reason":"groups is one text that looks like a list: set groupsSeparator',
  },
])("operators are told of $when: names, never values", ({ attributes, told }) => {
  const log = recordingLog();
  conclude({ attributes }, {}, {}, { log, groups: "groups" });
  const lines = JSON.stringify(log.lines).replaceAll('\\"', '"');
  expect(lines).toContain(told);
  expect(lines).not.toMatch(/acme\.example|contractors/);
});

test("of several ends the earliest counts", () => {
  const sooner = login({ SessionNotOnOrAfter: new Date(now + minute).toISOString() });
  expect(conclude({ authnStatement: login() + sooner }, {}).endsAtLatest).toBe(now + minute);
  expect(conclude({ authnStatement: sooner + login() }, {}).endsAtLatest).toBe(now + minute);
});

test.each<{ when: string; parts: Parts; asked: Parameters<typeof conclude>[1]; saml?: Partial<SamlSettings>; code: string }>([
  { when: "an old login where any will do", parts: old, asked: {}, code: "accepted" },
  { when: "an old login where forceAuthn is on", parts: old, asked: {}, saml: { forceAuthn: true }, code: "saml.authn-context" },
  { when: "an old login where a new proof was asked for", parts: old, asked: { reauthenticate: true }, code: "saml.authn-context" },
  { when: "a new login where a new proof was asked for", parts: {}, asked: { reauthenticate: true }, code: "accepted" },
  {
    when: "an old login that nobody asked for, with forceAuthn",
    parts: { ...unasked, ...old },
    asked: null,
    saml: { forceAuthn: true },
    code: "saml.authn-context",
  },
  {
    when: "a strength that is not the configured one",
    parts: {},
    asked: {},
    saml: { authnContext: ["urn:mfa"] },
    code: "saml.authn-context",
  },
  {
    when: "a login that states no strength",
    parts: { authnStatement: login().replace(/<saml:AuthnContext>.*<\/saml:AuthnContext>/, "") },
    asked: {},
    saml: { authnContext: ["urn:mfa"] },
    code: "saml.authn-context",
  },
  { when: "an answer that nobody asked for, for this browser's request", parts: unasked, asked: {}, code: "saml.request-expired" },
  { when: "an answer to a request, as one that nobody asked for", parts: {}, asked: null, code: "saml.request-expired" },
])("$when: $code", ({ parts, asked, saml, code }) => {
  expect(codeOf(() => conclude(parts, asked, saml))).toBe(code);
});
