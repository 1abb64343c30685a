import { misconfigured, printable, unavailable } from "../remote/provider-errors.ts";
import { isObject } from "../remote/provider-fetch.ts";

/** The part of a provider's metadata (OpenID Connect Discovery 1.0, RFC 8414) that is used; every URL has been checked. */
export interface ProviderMetadata {
  readonly issuer: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  readonly jwks_uri: string;
  readonly userinfo_endpoint?: string;
  readonly end_session_endpoint?: string;
  readonly pushed_authorization_request_endpoint?: string;
  readonly require_pushed_authorization_requests: boolean;
  /** RFC 9207: every authorization answer names its issuer. */
  readonly authorization_response_iss_parameter_supported: boolean;
  readonly id_token_signing_alg_values_supported: readonly string[];
  /** Entra only: the host of its Microsoft Graph, another one in each national cloud. */
  readonly msgraph_host?: string;
}

const required = ["authorization_endpoint", "token_endpoint", "jwks_uri"] as const;
const optional = ["userinfo_endpoint", "end_session_endpoint", "pushed_authorization_request_endpoint"] as const;

/** Where the metadata lives; an issuer that ends in `/` must not lead to `//.well-known` (LemonLDAP::NG answers 404 there). */
export function discoveryUrl(issuer: string): string {
  return `${issuer.endsWith("/") ? issuer.slice(0, -1) : issuer}/.well-known/openid-configuration`;
}

/**
 * Reads a metadata document, or throws `unavailable` with the reason.
 *
 * The issuer is compared as a string (Discovery 4.3): URL normalisation would accept `https://idp` for `https://idp/`, and tokens would
 * then be checked against a name that was not configured. A document with one bad endpoint is refused as a whole.
 */
export function readMetadata(document: unknown, issuer: string, allowHttp: boolean): ProviderMetadata {
  if (!isObject(document)) throw unavailable("discovery: not a JSON object");
  if (document.issuer !== issuer) {
    // The usual reason is a slash at the end, so both are shown.
    throw misconfigured(
      "issuer",
      `discovery: the document is for issuer ${printable(document.issuer) || "(none)"}, the configuration says ${issuer}`,
    );
  }
  const endpoints: Record<string, string> = {};
  for (const name of required) endpoints[name] = checkedUrl(document[name], name, allowHttp);
  for (const name of optional) {
    // Providers without one leave it out, or empty.
    if (document[name] !== undefined && document[name] !== null && document[name] !== "")
      endpoints[name] = checkedUrl(document[name], name, allowHttp);
  }
  return {
    issuer,
    ...(endpoints as Pick<ProviderMetadata, (typeof required)[number]> & Partial<Pick<ProviderMetadata, (typeof optional)[number]>>),
    require_pushed_authorization_requests: document.require_pushed_authorization_requests === true,
    authorization_response_iss_parameter_supported: document.authorization_response_iss_parameter_supported === true,
    id_token_signing_alg_values_supported: announcedAlgorithms(document.id_token_signing_alg_values_supported),
    ...(isHost(document.msgraph_host) ? { msgraph_host: document.msgraph_host } : {}),
  };
}

const isHost = (value: unknown): value is string => typeof value === "string" && /^[A-Za-z0-9.-]+(:\d{1,5})?$/.test(value);

function checkedUrl(value: unknown, name: string, allowHttp: boolean): string {
  const url = typeof value === "string" ? URL.parse(value) : null;
  if (url === null) throw unavailable(`discovery: ${name} is missing or not a URL`);
  if (url.protocol !== "https:" && !(allowHttp && url.protocol === "http:")) throw unavailable(`discovery: ${name} is not https`);
  if (url.username !== "" || url.password !== "" || url.hash !== "") throw unavailable(`discovery: ${name} has credentials or a fragment`);
  return url.href;
}

/** Discovery 3 requires the member; where it is missing RS256 is what every provider must offer (Core 15.1). */
function announcedAlgorithms(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return ["RS256"];
  return value.filter((item): item is string => typeof item === "string").slice(0, 50);
}
