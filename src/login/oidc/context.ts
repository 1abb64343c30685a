import { createPrivateKey } from "node:crypto";
import { importPKCS8 } from "jose";
import * as client from "openid-client";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/ports/log.ts";
import type { ProviderSettings } from "../../core/settings.ts";
import type { ClaimMapping } from "../claims/map-claims.ts";
import {
  cleanProviderText,
  type Faults,
  failureOf,
  messageOf,
  ProtocolFailure,
  rejected,
  type SetupFault,
  unavailable,
} from "../remote/provider-errors.ts";
import { type FetchInit, jsonObject, type KeptDocument, type ProviderFetch } from "../remote/provider-fetch.ts";
import type { ProviderMetadata } from "./discovery.ts";
import type { Graph } from "./graph.ts";
import type { Decrypt } from "./id-token.ts";
import { acceptedAlgorithms, type ProviderKeys } from "./keys.ts";
import type { OidcSettings } from "./settings.ts";

/** What every step of the protocol needs to know about one provider. */
export interface OidcContext {
  readonly settings: ProviderSettings;
  readonly oidc: OidcSettings;
  readonly redirectUri: string;
  readonly postLogoutRedirectUri: string;
  readonly mapping: ClaimMapping;
  readonly metadata: KeptDocument<ProviderMetadata>;
  readonly keys: ProviderKeys;
  readonly decrypt: Decrypt;
  readonly faults: Faults;
  readonly fetch: ProviderFetch;
  readonly configure: LibraryConfiguration;
  /** Null where Graph is not asked. */
  readonly graph: Graph | null;
  readonly clock: Clock;
  readonly log: Log;
  /** See `ProviderDeps`. */
  readonly tellClaims?: ((claims: Readonly<Record<string, unknown>>) => void) | undefined;
}

/** The failure's message for operators, with the cure and the values of this side where an operator has to put something right. */
export function wordsOf(context: OidcContext, error: unknown): string {
  if (!(error instanceof ProtocolFailure)) return messageOf(error);
  return error.kind === "setup" ? `${error.message}; ${cureOf(error.fault ?? "request", context)}` : error.message;
}

/** The same, and the provider's state has it from now on. What a browser brought says nothing about the provider. */
export function noteFault(context: OidcContext, error: unknown): string {
  const words = wordsOf(context, error);
  if (error instanceof ProtocolFailure && error.kind === "setup" && !error.isHearsay) context.faults.note(words);
  return words;
}

function cureOf(fault: SetupFault, { oidc, redirectUri, settings }: OidcContext): string {
  switch (fault) {
    case "client":
      return `compare clientId, clientSecret and clientAuth with the client at the provider (here ${oidc.clientId}, ${oidc.clientAuth})`;
    case "redirect-uri":
      return `register ${redirectUri} there, to the letter`;
    case "audience":
      return `write under providers.${settings.id}.oidc the clientId of the client that the provider signs for`;
    case "issuer":
      return `write the issuer as the provider states it, to the letter, under providers.${settings.id}.oidc`;
    case "clock":
      return "set the clocks of both machines by NTP";
    case "request":
      return `is ${redirectUri} registered there, and may the client ask for the scopes ${oidc.scopes.join(" ")}?`;
  }
}

/** The ID token of a token endpoint's answer, which the library is not shown. */
export interface Aside {
  idToken: string | null;
}

/** openid-client, set up for one operation against this provider. */
export type LibraryConfiguration = (metadata: ProviderMetadata, within?: AbortSignal, aside?: Aside) => Promise<client.Configuration>;

/**
 * Makes openid-client's configuration from metadata that was checked here: its requests go through our bounded fetch, its clock is ours.
 *
 * Its own `enableNonRepudiationChecks` stays off because it drops good keys after five minutes and refuses keys that rotated within
 * one. It does not see ID tokens at all: they may be encrypted, or hold a null where a member is absent, which it refuses. They are decrypted,
 * verified and checked here (`verifyIdToken`), each by the keys and rules of this one provider.
 */
export function createLibraryConfiguration(deps: {
  readonly oidc: OidcSettings;
  readonly allowHttp: boolean;
  readonly fetch: ProviderFetch;
  readonly clock: Clock;
}): LibraryConfiguration {
  const { oidc } = deps;
  let authentication: Promise<client.ClientAuth> | null = null;
  return async (metadata, within, aside) => {
    authentication ??= clientAuthentication(oidc);
    const server: client.ServerMetadata = {
      ...metadata,
      id_token_signing_alg_values_supported: [
        ...acceptedAlgorithms(oidc.signingAlgorithms, metadata.id_token_signing_alg_values_supported),
      ],
    };
    const clientMetadata = {
      [client.clockSkew]: Math.round((deps.clock() - Date.now()) / 1000),
      [client.clockTolerance]: Math.ceil(oidc.clockToleranceMs / 1000),
    };
    const configuration = new client.Configuration(server, oidc.clientId, clientMetadata, await authentication);
    if (deps.allowHttp) client.allowInsecureRequests(configuration);
    configuration[client.customFetch] = (url, options) =>
      tokenFetch(deps.fetch, endpoint(url, metadata), url, options as FetchInit, within, aside);
    return configuration;
  };
}

const endpoint = (url: string, { pushed_authorization_request_endpoint: par }: ProviderMetadata) => (url === par ? "par" : "token");

/**
 * What is not JSON comes from something in between (a proxy's error page, say), not from the provider: worth another try later. Where an
 * error is stated in JSON it counts, and not the bare challenge that may stand beside it.
 */
async function tokenFetch(
  fetch: ProviderFetch,
  document: "token" | "par",
  url: string,
  init: FetchInit,
  within: AbortSignal | undefined,
  aside: Aside | undefined,
): Promise<Response> {
  const { method, headers, body } = init;
  const response = await fetch(document, url, { method, headers, body }, within);
  const text = await response.text();
  const challenged = response.headers.has("www-authenticate");
  const said = await jsonObject(new Response(text), `token endpoint (${response.status})`).catch((error: unknown) => {
    if (challenged) return null;
    throw error;
  });
  const kept = new Headers(response.headers);
  if (typeof said?.error === "string") kept.delete("www-authenticate");
  if (said === null) return new Response(text, { status: response.status, headers: kept });
  const { id_token: idToken = null, ...rest } = said;
  if (idToken !== null && typeof idToken !== "string") throw rejected("token endpoint: id_token is not text");
  if (aside !== undefined) aside.idToken = idToken;
  // A null stands for a member that is absent.
  const shown = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null));
  return new Response(JSON.stringify(shown), { status: response.status, headers: kept });
}

/** How we prove to be the client; assertions live 60 s and name the issuer, or the token endpoint where that is configured (Hydra). */
async function clientAuthentication(oidc: OidcSettings): Promise<client.ClientAuth> {
  if (oidc.clientAuth === "none") return client.None();
  if (oidc.clientAuth === "private_key_jwt") return privateKeyAuthentication(oidc.privateKey, oidc.clientAssertionAudience);
  const secret = oidc.clientSecret?.reveal() ?? "";
  if (secret === "") throw unavailable(`clientAuth ${oidc.clientAuth} needs a clientSecret`);
  return oidc.clientAuth === "client_secret_basic" ? basicAuthentication(oidc.clientId, secret) : client.ClientSecretPost(secret);
}

/**
 * HTTP Basic with id and secret form-encoded first (RFC 6749 2.3.1). The library encodes `-`, `_`, `.` as well, which form encoding
 * leaves alone; providers that do not decode (LemonLDAP::NG) then refuse ids as plain as `my-gateway`.
 */
function basicAuthentication(id: string, secret: string): client.ClientAuth {
  const encoded = (text: string) => new URLSearchParams([["", text]]).toString().slice(1);
  const credentials = Buffer.from(`${encoded(id)}:${encoded(secret)}`).toString("base64");
  return (_server, _client, _body, headers) => headers.set("authorization", `Basic ${credentials}`);
}

async function privateKeyAuthentication(
  settings: OidcSettings["privateKey"],
  audience: OidcSettings["clientAssertionAudience"],
): Promise<client.ClientAuth> {
  if (settings === null) throw unavailable("clientAuth private_key_jwt needs a privateKey");
  const { key: pem, kid, alg } = settings;
  try {
    // node:crypto reads the older PEM forms (PKCS #1, SEC1) too.
    const pkcs8 = createPrivateKey(pem.reveal()).export({ type: "pkcs8", format: "pem" }).toString();
    const key = await importPKCS8(pkcs8, alg);
    const prove = (endpoint: string | undefined) =>
      client.PrivateKeyJwt(kid === null ? { key } : { key, kid }, {
        [client.modifyAssertion]: (header, payload) => {
          // The library writes Ed25519 (RFC 9864) where most providers still expect EdDSA: what the operator wrote counts.
          header.alg = alg;
          if (audience === "token_endpoint" && endpoint !== undefined) payload.aud = endpoint;
        },
      });
    return (server, ...others) => prove(server.token_endpoint)(server, ...others);
  } catch {
    // The reason could quote the key.
    throw unavailable(`privateKey cannot be used for ${alg}`);
  }
}

/**
 * What openid-client threw, without what it carries: its errors hold whole token responses in `cause`, and a log line with a cause
 * chain would publish them. Only texts that are known to be fixed, and the provider's cleaned error text, get through.
 */
export function fromLibrary(error: unknown, where: string, oidc: OidcSettings, sent: readonly string[]): ProtocolFailure {
  const secrets = [oidc.clientSecret?.reveal() ?? "", ...sent];
  const own = ownFailureIn(error);
  if (own !== null) return own;
  if (error instanceof client.ResponseBodyError) return providerError(where, error.error, error.error_description, secrets);
  if (error instanceof client.WWWAuthenticateChallengeError) {
    const parameters = error.cause[0]?.parameters;
    return providerError(where, parameters?.error ?? "invalid_client", parameters?.error_description, secrets);
  }
  return rejected(`${where}: ${fixedTexts(error).join(": ") || "unexpected failure"}`);
}

function providerError(where: string, code: string, description: unknown, secrets: readonly string[]): ProtocolFailure {
  const name = cleanProviderText(code, secrets);
  const text = cleanProviderText(description, secrets);
  return failureOf(code, `${where} answered ${name}${text === "" ? "" : `: ${text}`}`);
}

/** A failure of our own fetch, which openid-client wraps as "something went wrong". */
function ownFailureIn(error: unknown): ProtocolFailure | null {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth += 1) {
    if (current instanceof ProtocolFailure) return current;
  }
  return null;
}

/** Messages down the cause chain as far as the library wrote them itself; a SyntaxError below would quote the body. */
function fixedTexts(error: unknown): string[] {
  const texts: string[] = [];
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth += 1) {
    const code = (current as { code?: unknown }).code;
    if (typeof code !== "string" || !/^(OAUTH_|ERR_INVALID_ARG)/.test(code)) break;
    texts.push(current.message);
  }
  return texts;
}
