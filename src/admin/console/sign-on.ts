import { createHmac, createPublicKey, verify } from "node:crypto";
import { isIP } from "node:net";
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

/**
 * Who asks: on `console.host` the person whom the gateway's own signed assertion names, elsewhere a browser that signed in with the
 * token. Null for everybody else. The host decides which proof counts, so that neither replaces the other.
 */
export function operatorOf(
  { settings, assertionKeys }: Operations,
  request: { readonly host: string; readonly assertion: string | null; readonly cookie: string | undefined; readonly address: string },
  now: number,
): Operator | null {
  const { console } = settings();
  if (console.host !== null && hostnameOf(request.host) === console.host) {
    const name = request.assertion === null ? null : readAssertion(request.assertion, assertionKeys(), console.host, now);
    return name === null ? null : { name, address: request.address };
  }
  return console.token !== null && holdsCookie(console.token.reveal(), request.cookie, now)
    ? { name: "token", address: request.address }
    : null;
}

/**
 * Whether a Host may be answered: the console's own, or one that no name server can point here. A page of another site could otherwise
 * make its own name lead to this listener and read what it answers (DNS rebinding).
 */
export function isOwnHost(host: string, consoleHost: string | null): boolean {
  const name = hostnameOf(host);
  return name === consoleHost || name === "localhost" || isIP(name) !== 0;
}

const hostnameOf = (host: string) =>
  host
    .toLowerCase()
    .replace(/:\d+$/, "")
    .replace(/^\[|\]$/g, "");

/** The person in a signed assertion for this host that is still good; null for anything else. */
function readAssertion(token: string, keys: readonly object[], audience: string, now: number): string | null {
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
  const { aud, exp, sub, email } = JSON.parse(Buffer.from(body, "base64url").toString("utf8")) as Record<string, unknown>;
  if (aud !== audience || typeof exp !== "number" || exp * 1_000 <= now || typeof sub !== "string") return null;
  return typeof email === "string" ? `${email} (${sub})` : sub;
}
