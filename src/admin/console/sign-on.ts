import { createHmac, createPublicKey, verify } from "node:crypto";
import type { Principal } from "../../core/session.ts";
import { canonicalHost } from "../../http/host.ts";
import { isSame } from "../api/api.ts";
import type { Operations, Operator } from "../operations.ts";

export const consoleCookie = "vestibule-console";
const hoursMs = 8 * 3_600_000;

/** A browser that signed in with the token: when that ends, and a MAC over it under the token, so that a new token ends it. */
export function issueConsoleCookie(token: string, now: number): string {
  const until = String(now + hoursMs);
  return `${consoleCookie}=${until}.${macOf(token, until)}; Path=/console; HttpOnly; SameSite=Strict; Max-Age=${hoursMs / 1_000}`;
}

function macOf(token: string, until: string): string {
  return createHmac("sha256", token).update(`console ${until}`).digest("base64url");
}

function holdsCookie(token: string, value: string | undefined, now: number): boolean {
  const [until = "", mac = ""] = (value ?? "").split(".");
  return /^\d{1,15}$/.test(until) && Number(until) > now && isSame(mac, macOf(token, until));
}

/** Signs this browser out again. */
export const endConsoleCookie = `${consoleCookie}=; Path=/console; HttpOnly; SameSite=Strict; Max-Age=0`;

/** What a request says of who sends it. */
export interface Proof {
  readonly host: string;
  readonly assertion: string | null;
  readonly forwardedFor: string | null;
  readonly cookie: string | undefined;
  /** Of the connection. */
  readonly address: string;
}

/**
 * Who asks: on `console.host` the person whom the gateway's own signed assertion names, elsewhere a browser that signed in with the
 * token. Null for everyone else. The host decides which proof counts, so that neither replaces the other.
 */
export async function operatorOf(operations: Operations, proof: Proof, now: number): Promise<Operator | null> {
  const { console } = operations.settings();
  if (console.host !== null && canonicalHost(proof.host)?.hostname === console.host) {
    const person = proof.assertion === null ? null : readAssertion(proof.assertion, operations.assertionKeys(), console.host, now);
    if (person === null) return null;
    const { subject, email } = person;
    // The gateway itself writes this field, and has just proved that the request came through it.
    const address = proof.forwardedFor?.split(",").at(-1)?.trim() ?? proof.address;
    const principal = await principalOf(operations, person);
    return { name: email === null ? subject : `${email} (${subject})`, address, mayAct: operations.mayAct(principal, address) };
  }
  return console.token !== null && holdsCookie(console.token.reveal(), proof.cookie, now)
    ? { name: "token", address: proof.address, mayAct: true }
    : null;
}

/** With all that rules may ask about, from the person's session. The assertion alone says less; then rules that want more do not fit. */
async function principalOf({ sessions }: Operations, person: Principal): Promise<Principal> {
  const { provider, subject } = person;
  const found = await sessions.list({ provider, subject }, { cursor: null, limit: 1 }).catch(() => null);
  return found?.sessions[0]?.principal ?? person;
}

/** Browsers say where a form comes from, in a way that no script can forge; the scheme is that of the gateway in front. */
export function isOwnForm(headers: Headers): boolean {
  const [origin, site] = [headers.get("origin"), headers.get("sec-fetch-site")];
  if (site !== null && site !== "same-origin") return false;
  return origin === null ? site === "same-origin" : URL.parse(origin)?.host === headers.get("host");
}

/** The person in a signed assertion for this host that is still good; null for anything else. */
function readAssertion(token: string, keys: readonly object[], audience: string, now: number): Principal | null {
  const [head, body, signature, more] = token.split(".");
  if (head === undefined || body === undefined || signature === undefined || more !== undefined) return null;
  const signed = keys.some((jwk) =>
    verify(
      "sha256",
      Buffer.from(`${head}.${body}`),
      { key: createPublicKey({ key: { ...jwk }, format: "jwk" }), dsaEncoding: "ieee-p1363" },
      Buffer.from(signature, "base64url"),
    ),
  );
  if (!signed) return null;
  const { aud, exp, sub, provider, email, name, groups, acr } = JSON.parse(Buffer.from(body, "base64url").toString("utf8")) as Record<
    string,
    unknown
  >;
  if (aud !== audience || typeof exp !== "number" || exp * 1_000 <= now || typeof sub !== "string") return null;
  const text = (value: unknown) => (typeof value === "string" ? value : null);
  return {
    provider: text(provider) ?? "",
    subject: sub,
    email: text(email),
    name: text(name),
    groups: Array.isArray(groups) ? { kind: "known", names: groups.map(String) } : { kind: "unknown", why: "not in the assertion" },
    extra: {},
    claims: {},
    authenticatedAt: 0,
    acr: text(acr),
  };
}
