/** What an operator has to put right: the key of an error code `setup.…`. */
export type SetupFault = "client" | "redirect-uri" | "request" | "audience" | "issuer" | "clock";

/**
 * Why a provider's word could not be used; the edges of this folder turn it into a GatewayError.
 *
 * `unavailable`: try later. `rejected`: what was presented does not verify. `refused`: the provider itself said no to the person, and
 * `providerError` holds its error code. `weak`: the login is genuine, and less than was asked for. `setup`: the operator's fault, `fault`
 * says which. The message is safe for logs: it never quotes a token, a code or a body.
 */
export class ProtocolFailure extends Error {
  override readonly name = "ProtocolFailure";
  readonly kind: "unavailable" | "rejected" | "refused" | "weak" | "setup";
  readonly providerError: string | null;
  readonly fault: SetupFault | null;
  /** It came by way of a browser. */
  readonly isHearsay: boolean;
  constructor(
    kind: ProtocolFailure["kind"],
    message: string,
    { providerError = null, fault = null, isHearsay = false }: Partial<Pick<ProtocolFailure, "providerError" | "fault" | "isHearsay">> = {},
  ) {
    super(message);
    this.kind = kind;
    this.providerError = providerError;
    this.fault = fault;
    this.isHearsay = isHearsay;
  }
}

export const unavailable = (message: string) => new ProtocolFailure("unavailable", message);
export const rejected = (message: string) => new ProtocolFailure("rejected", message);
export const misconfigured = (fault: SetupFault, message: string) => new ProtocolFailure("setup", message, { fault });

/** What went wrong, as one line for operators. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A value that is no secret (an issuer, an audience), as it came but for what would forge log lines. */
export function printable(value: unknown): string {
  return String(value ?? "")
    .slice(0, 4 * longestText)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
}

const longestText = 300;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Text of a provider's own (an error description, say), made fit for a log line.
 *
 * Control characters would forge lines, and providers are known to quote the token or code that they refuse: the secrets that were
 * sent, and anything that looks like one, are blotted out. UUIDs stay, because support desks ask for them.
 */
export function cleanProviderText(text: unknown, secrets: readonly string[] = []): string {
  if (typeof text !== "string") return "";
  let clean = text;
  for (const secret of secrets) if (secret !== "") clean = clean.replaceAll(secret, "[redacted]");
  return printable(clean)
    .replace(/[A-Za-z0-9_+=~-]{32,}/g, (run) => (uuid.test(run) ? run : "[redacted]"))
    .slice(0, longestText)
    .trim();
}

/**
 * What a provider's error means. `definite`: no, to this person; a session ends. `passing`: later; nothing ends, one new try is due.
 * `ours`: the operator's fault at one of the two sides; nothing ends, and the log says what to put right.
 */
export type ErrorMeaning = "definite" | "passing" | "ours";

/**
 * Every error code of the specifications, in one table for the authorization answer, the token endpoint, pushed requests, refresh and SAML
 * status: RFC 6749 4.1.2.1 and 5.2, OpenID Connect Core 3.1.2.6, RFC 9126 2.3, RFC 9470 3, Unmet Authentication Requirements 1.0, SAML
 * Core 3.2.2.2. `invalid_grant` is a definite no at refresh; for a code it means that the answer is stale.
 */
const meanings: ReadonlyMap<string, ErrorMeaning> = new Map([
  ...meaning("definite", [
    "access_denied",
    "login_required",
    "interaction_required",
    "consent_required",
    "account_selection_required",
    "unmet_authentication_requirements",
    "insufficient_user_authentication",
    "invalid_grant",
    "AuthnFailed",
    "RequestDenied",
    "NoPassive",
    "UnknownPrincipal",
    "NoAuthnContext",
  ]),
  ...meaning("passing", ["server_error", "temporarily_unavailable", "slow_down", "authorization_pending", "NoAvailableIDP"]),
  ...meaning("ours", [
    "invalid_client",
    "unauthorized_client",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "invalid_redirect_uri",
    "redirect_uri_mismatch",
    "unsupported_response_type",
    "unsupported_grant_type",
    "unsupported_token_type",
    "invalid_request_uri",
    "invalid_request_object",
    "request_not_supported",
    "request_uri_not_supported",
    "registration_not_supported",
    "invalid_client_metadata",
    "invalid_dpop_proof",
    "use_dpop_nonce",
    "Requester",
    "VersionMismatch",
    "InvalidNameIDPolicy",
    "InvalidAttrNameOrValue",
    "UnknownAttrProfile",
    "RequestUnsupported",
    "RequestVersionDeprecated",
    "RequestVersionTooHigh",
    "RequestVersionTooLow",
    "UnsupportedBinding",
    "NoSupportedIDP",
    "ProxyCountExceeded",
  ]),
]);

function meaning(what: ErrorMeaning, codes: readonly string[]): readonly (readonly [string, ErrorMeaning])[] {
  return codes.map((code) => [code, what] as const);
}

/** Null for a code that is in no specification: each place decides what that means to it. */
export const meaningOf = (code: string): ErrorMeaning | null => meanings.get(code) ?? null;

/**
 * The failure that an error answer stands for. An unknown code is taken for a no to the person, as the specifications have it for a
 * client that does not know better. `text` is the whole message for operators.
 */
export function failureOf(code: string, text: string): ProtocolFailure {
  const what = meaningOf(code) ?? "definite";
  if (what === "ours") return new ProtocolFailure("setup", text, { providerError: code, fault: faultOf(code, text) });
  return new ProtocolFailure(what === "passing" ? "unavailable" : "refused", text, { providerError: code });
}

/** Many providers say `invalid_request` and name the redirect URI in words. */
function faultOf(code: string, text: string): SetupFault {
  if (code === "invalid_client" || code === "unauthorized_client") return "client";
  return /redirect[_ -]?ur[il]/i.test(`${code} ${text}`) ? "redirect-uri" : "request";
}

/** What an operator has to put right at a provider, as the last login or refresh showed it: for the provider's state. */
export interface Faults {
  /** The whole sentence for operators. */
  note(message: string): void;
  /** A login or a refresh has just worked. */
  clear(): void;
  last(): string | null;
}

export function createFaults(): Faults {
  let last: string | null = null;
  return {
    note: (message) => {
      last = message;
    },
    clear: () => {
      last = null;
    },
    last: () => last,
  };
}

/** As many as `fetch` itself takes. */
const mostCodings = 5;

type Handler = Record<string | symbol, unknown>;
interface Dispatches {
  dispatch(options: unknown, handler: Handler): unknown;
}

/**
 * The option that ends an answer with more content codings than `fetch` takes. `fetch` itself rejects and leaves the connection as it is:
 * whatever ends that later, our own time limit or the provider, is an uncaught error, which ends the process. Node keeps the dispatcher of
 * `fetch`, which may lead through a proxy, under this symbol.
 */
export function fewCodings(): object {
  const usual: unknown = Reflect.get(globalThis, Symbol.for("undici.globalDispatcher.1"));
  if (typeof usual !== "object" || usual === null || !("dispatch" in usual)) return {};
  const { dispatch } = usual as Dispatches;
  return { dispatcher: { dispatch: (options: unknown, handler: Handler) => dispatch.call(usual, options, counting(handler)) } };
}

/** The handler of an exchange, which is not called with a head that has too many. */
function counting(handler: Handler): Handler {
  return new Proxy(handler, {
    get(target, name) {
      const member = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...args: unknown[]): unknown => {
        if ((name === "onHeaders" ? codingsInRaw(args[1]) : name === "onResponseStart" ? codingsIn(args[2]) : 0) > mostCodings)
          throw Object.assign(new Error("the answer has too many content codings"), { code: "too many content codings" });
        return Reflect.apply(member, target, args);
      };
    },
  });
}

const countOf = (value: unknown) => String(value).split(",").length;
const codingsIn = (headers: unknown) =>
  typeof headers === "object" && headers !== null && "content-encoding" in headers ? countOf(headers["content-encoding"]) : 0;
function codingsInRaw(raw: unknown): number {
  if (!Array.isArray(raw)) return 0;
  const isName = (at: number) => at % 2 === 0 && String(raw[at]).toLowerCase() === "content-encoding";
  return raw.reduce<number>((sum, _, at) => sum + (isName(at) ? countOf(raw[at + 1]) : 0), 0);
}
