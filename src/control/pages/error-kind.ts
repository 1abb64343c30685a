import type { ErrorCode } from "../../core/errors.ts";
import type { ErrorKind } from "./texts.ts";

const refusedLogins: readonly ErrorCode[] = [
  "login.provider-refused",
  "login.email-domain",
  "login.identity-incomplete",
  "saml.status",
  "saml.attribute-missing",
];
const passing: readonly ErrorCode[] = [
  "login.provider-unavailable",
  "saml.metadata-unusable",
  "store.unavailable",
  "gateway.overloaded",
  "login.too-many",
  "gateway.draining",
];

/** The heading under which a failure is told. */
export function errorKind(code: ErrorCode): ErrorKind {
  if (code === "request.not-found" || code === "request.host-unknown" || code === "login.provider-unknown") return "not-found";
  if (refusedLogins.includes(code)) return "not-let-in";
  if (passing.includes(code)) return "later";
  const [area] = code.split(".");
  if (code === "saml.logout-rejected") return "logout";
  if (area === "login" || area === "bearer" || area === "saml") return "login";
  if (area === "logout") return "logout";
  if (area === "upstream") return "app-down";
  return area === "request" ? "request" : "internal";
}
