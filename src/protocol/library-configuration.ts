import { createPrivateKey } from "node:crypto";
import { importPKCS8 } from "jose";
import * as client from "openid-client";
import type { Clock } from "../core/clock.ts";
import type { OidcSettings } from "../core/settings.ts";
import { unavailable } from "./protocol-failure.ts";
import { type FetchInit, jsonObject, type ProviderFetch } from "./provider-fetch.ts";
import type { ProviderMetadata } from "./provider-metadata.ts";
import { acceptedAlgorithms } from "./signing-algorithms.ts";

/** openid-client, set up for one operation against this provider. */
export type LibraryConfiguration = (metadata: ProviderMetadata, within?: AbortSignal) => Promise<client.Configuration>;

/**
 * Makes openid-client's configuration from metadata that was checked here: its requests go through our bounded fetch, its clock is ours.
 *
 * Its own `enableNonRepudiationChecks` stays off because it drops good keys after five minutes and refuses keys that rotated within
 * one. Instead `ProviderKeys.verify` checks the signature of every token, this flow's ID tokens included (see `redeemTokens`).
 */
export function createLibraryConfiguration(deps: {
  readonly oidc: OidcSettings;
  readonly allowHttp: boolean;
  readonly fetch: ProviderFetch;
  readonly clock: Clock;
}): LibraryConfiguration {
  const { oidc } = deps;
  let authentication: Promise<client.ClientAuth> | null = null;
  return async (metadata, within) => {
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
    configuration[client.customFetch] = (url, options) => tokenFetch(deps.fetch, url, options as FetchInit, within);
    return configuration;
  };
}

/**
 * What is not JSON comes from something in between (a proxy's error page, say), not from the provider: worth another try later. Where an
 * error is stated in JSON it counts, and not the bare challenge that may stand beside it.
 */
async function tokenFetch(fetch: ProviderFetch, url: string, init: FetchInit, within: AbortSignal | undefined): Promise<Response> {
  const { method, headers, body } = init;
  const response = await fetch("token", url, { method, headers, body }, within);
  const text = await response.text();
  const challenged = response.headers.has("www-authenticate");
  const said = await jsonObject(new Response(text), `token endpoint (${response.status})`).catch((error: unknown) => {
    if (challenged) return null;
    throw error;
  });
  const kept = new Headers(response.headers);
  if (typeof said?.error === "string") kept.delete("www-authenticate");
  return new Response(text, { status: response.status, headers: kept });
}

/** How we prove to be the client; assertions live 60 s and name the issuer. */
async function clientAuthentication(oidc: OidcSettings): Promise<client.ClientAuth> {
  if (oidc.clientAuth === "none") return client.None();
  if (oidc.clientAuth === "private_key_jwt") return privateKeyAuthentication(oidc.privateKey);
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

async function privateKeyAuthentication(settings: OidcSettings["privateKey"]): Promise<client.ClientAuth> {
  if (settings === null) throw unavailable("clientAuth private_key_jwt needs a privateKey");
  const { key: pem, kid, alg } = settings;
  try {
    // node:crypto reads the older PEM forms (PKCS #1, SEC1) too.
    const pkcs8 = createPrivateKey(pem.reveal()).export({ type: "pkcs8", format: "pem" }).toString();
    const key = await importPKCS8(pkcs8, alg);
    return client.PrivateKeyJwt(kid === null ? { key } : { key, kid }, {
      // The library writes Ed25519 (RFC 9864) where most providers still expect EdDSA: what the operator wrote counts.
      [client.modifyAssertion]: (header) => {
        header.alg = alg;
      },
    });
  } catch {
    // The reason could quote the key.
    throw unavailable(`privateKey cannot be used for ${alg}`);
  }
}
