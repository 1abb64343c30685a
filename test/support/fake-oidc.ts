import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type FakeKey, fakeKey, type SignOptions, signToken } from "./fake-keys.ts";

/** A raw answer; `hang` never ends it. */
export interface FakeAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly raw?: string | Uint8Array;
  readonly json?: unknown;
  readonly hang?: boolean;
}
export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly form: URLSearchParams;
}
type Claims = Record<string, unknown>;
/** What is changed against good behaviour; each hook gets the good answer and gives the one that is sent. */
export interface FakeScript {
  discovery?: (good: Claims) => FakeAnswer;
  jwks?: (good: { keys: unknown[] }) => FakeAnswer;
  /** Parameters of the redirect back. */
  authorize?: (good: Record<string, string>) => Record<string, string>;
  pushed?: (good: Claims) => FakeAnswer;
  /** The claims of the ID token before it is signed. */
  idTokenClaims?: (good: Claims) => unknown;
  idTokenSigning?: SignOptions;
  /** Replaces the whole token; null leaves it out. */
  idToken?: (good: string) => string | null | Promise<string | null>;
  token?: (good: Claims, request: FakeRequest) => FakeAnswer | Promise<FakeAnswer>;
  userinfo?: (good: Claims, request: FakeRequest) => FakeAnswer | Promise<FakeAnswer>;
}
export interface FakeOidc {
  readonly issuer: string;
  readonly clientId: string;
  readonly port: number;
  readonly requests: readonly FakeRequest[];
  /** How often a path was asked for. */
  count(path: string): number;
  /** Claims in the ID token, besides the protocol's; `sub` included. */
  person: Claims;
  /** Claims at the userinfo endpoint besides `sub`. */
  profile: Claims;
  script: FakeScript;
  /** The published keys; the first signs. */
  keys: FakeKey[];
  /** Seconds by which the fake's clock is ahead. */
  skewSeconds: number;
  accessToken: string;
  /** Null: none is given. */
  refreshToken: string | null;
  idToken(changes?: Claims, signing?: SignOptions): Promise<string>;
  logoutToken(changes?: Claims, signing?: SignOptions): Promise<string>;
  bearerToken(changes?: Claims, signing?: SignOptions): Promise<string>;
  close(): Promise<void>;
}

export const logoutEvent = "http://schemas.openid.net/event/backchannel-logout";

/** The left half of the hash of a token (Core 3.1.3.6); the hash is that of the signature, SHA-512 for Ed25519. */
export function halfHash(value: string, alg = "RS256"): string {
  const digest = createHash(alg.startsWith("Ed") ? "sha512" : `sha${alg.slice(2)}`)
    .update(value)
    .digest();
  return digest.subarray(0, digest.length / 2).toString("base64url");
}

/** A provider made of scripts: well-behaved by default, and able to send every malformed document and token. It signs everybody in at once. */
export async function startFakeOidc(
  options: { readonly clientId?: string; readonly port?: number; readonly issuerPath?: string; readonly pushed?: boolean } = {},
): Promise<FakeOidc> {
  const clientId = options.clientId ?? "gateway";
  const nonces = new Map<string, string>();
  const pushedRequests = new Map<string, URLSearchParams>();
  const requests: FakeRequest[] = [];
  const server = createServer((request, response) => {
    answer(request).then(
      (given) => send(response, given),
      (error: unknown) => send(response, { status: 500, json: { error: String(error) } }),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const base = `http://127.0.0.1:${port}`;
  const issuer = `${base}${options.issuerPath ?? ""}`;
  const now = () => Math.floor(Date.now() / 1000) + fake.skewSeconds;
  const firstKey = () => {
    const [key] = fake.keys;
    if (key === undefined) throw new Error("the fake provider has no key");
    return key;
  };
  const hashAlg = () => (fake.script.idTokenSigning?.key ?? firstKey()).alg;
  const protocolClaims = (): Claims => ({ iss: issuer, aud: clientId, iat: now(), exp: now() + 300 });
  const fake: FakeOidc = {
    issuer,
    clientId,
    port,
    requests,
    count: (path) => requests.filter((request) => request.path === path).length,
    person: { sub: "alice", name: "Alice Archer", email: "alice@acme.example", email_verified: true, groups: ["staff"] },
    profile: {},
    script: {},
    keys: [await fakeKey("first", "RS256")],
    skewSeconds: 0,
    accessToken: "opaque-access-token",
    refreshToken: null,
    idToken: (changes, signing) => signToken(without({ ...protocolClaims(), ...fake.person, ...changes }), firstKey(), signing),
    logoutToken: (changes, signing) =>
      signToken(
        without({
          ...protocolClaims(),
          exp: now() + 120,
          jti: randomBytes(8).toString("hex"),
          sub: fake.person.sub,
          sid: "session-1",
          events: { [logoutEvent]: {} },
          ...changes,
        }),
        firstKey(),
        { typ: "logout+jwt", ...signing },
      ),
    bearerToken: (changes, signing) =>
      signToken(without({ ...protocolClaims(), ...fake.person, ...changes }), firstKey(), { typ: "at+jwt", ...signing }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  async function answer(message: IncomingMessage): Promise<FakeAnswer> {
    const url = new URL(message.url ?? "/", base);
    const form = new URLSearchParams(message.method === "POST" ? await bodyOf(message) : "");
    const request: FakeRequest = {
      method: message.method ?? "",
      path: url.pathname,
      query: url.searchParams,
      headers: message.headers,
      form,
    };
    requests.push(request);
    switch (url.pathname) {
      case `${options.issuerPath ?? ""}/.well-known/openid-configuration`.replace("//", "/"):
        return fake.script.discovery?.(discovery()) ?? { json: discovery() };
      case "/jwks": {
        const good = { keys: fake.keys.map(({ publicJwk }) => publicJwk as unknown) };
        return fake.script.jwks?.(good) ?? { json: good };
      }
      case "/authorize":
        return authorize(pushedRequests.get(request.query.get("request_uri") ?? "") ?? request.query);
      case "/pushed": {
        const uri = `urn:ietf:params:oauth:request_uri:${randomBytes(8).toString("hex")}`;
        pushedRequests.set(uri, form);
        const good = { request_uri: uri, expires_in: 60 };
        return fake.script.pushed?.(good) ?? { status: 201, json: good };
      }
      case "/token":
        return token(request);
      case "/userinfo": {
        const good = { sub: fake.person.sub, ...fake.profile };
        return (await fake.script.userinfo?.(good, request)) ?? { json: good };
      }
      default:
        return { status: 404, json: { error: "not_found" } };
    }
  }

  function discovery(): Claims {
    return {
      issuer,
      authorization_endpoint: `${base}/authorize`,
      token_endpoint: `${base}/token`,
      jwks_uri: `${base}/jwks`,
      userinfo_endpoint: `${base}/userinfo`,
      end_session_endpoint: `${base}/end-session`,
      ...(options.pushed === true ? { pushed_authorization_request_endpoint: `${base}/pushed` } : {}),
      response_types_supported: ["code"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["RS256", "ES256", "PS256", "EdDSA"],
      authorization_response_iss_parameter_supported: true,
    };
  }

  function authorize(asked: URLSearchParams): FakeAnswer {
    const code = randomBytes(12).toString("hex");
    nonces.set(code, asked.get("nonce") ?? "");
    const good = { code, state: asked.get("state") ?? "", iss: issuer };
    const parameters = new URLSearchParams(fake.script.authorize?.(good) ?? good);
    const target = asked.get("redirect_uri") ?? "";
    if (asked.get("response_mode") !== "form_post") return { status: 303, headers: { location: `${target}?${parameters}` } };
    const inputs = [...parameters].map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`).join("");
    return { headers: { "content-type": "text/html" }, raw: `<form method="post" action="${target}">${inputs}</form>` };
  }

  async function token(request: FakeRequest): Promise<FakeAnswer> {
    const refreshing = request.form.get("grant_type") === "refresh_token";
    const nonce = nonces.get(request.form.get("code") ?? "");
    const goodClaims: Claims = {
      ...protocolClaims(),
      ...(refreshing ? {} : { nonce }),
      ...fake.person,
      at_hash: halfHash(fake.accessToken, hashAlg()),
    };
    const claims = fake.script.idTokenClaims === undefined ? goodClaims : fake.script.idTokenClaims(goodClaims);
    const signing = fake.script.idTokenSigning ?? {};
    const made = await signToken(typeof claims === "object" && claims !== null ? without(claims as Claims) : claims, firstKey(), signing);
    const idToken = fake.script.idToken === undefined ? made : await fake.script.idToken(made);
    const good: Claims = {
      access_token: fake.accessToken,
      token_type: "Bearer",
      expires_in: 300,
      ...(idToken === null ? {} : { id_token: idToken }),
      ...(fake.refreshToken === null ? {} : { refresh_token: fake.refreshToken }),
    };
    return (await fake.script.token?.(good, request)) ?? { json: good };
  }
  return fake;
}

/** `undefined` members are left out; everything else, null included, is sent. */
const without = (claims: Claims): Claims => Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));

function send(response: ServerResponse, given: FakeAnswer): void {
  if (given.hang === true) return;
  const type = given.json === undefined ? {} : { "content-type": "application/json" };
  response.writeHead(given.status ?? 200, { ...type, "cache-control": "no-store", ...given.headers });
  response.end(given.json === undefined ? (given.raw ?? "") : JSON.stringify(given.json));
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
