import { GatewayError } from "../../../core/errors.ts";
import { cleanProviderText } from "../../remote/provider-errors.ts";
import {
  attributeOf,
  malformed,
  namespaces,
  onlyChild,
  requiredAttribute,
  requiredChild,
  textOf,
  trimmedTextOf,
  type XmlElement,
} from "../xml/tree.ts";

/** Whom a message must be from and addressed to. */
export interface HeadExpectations extends Now {
  /** The provider's entity id. */
  readonly issuer: string;
  /** The endpoint of ours that received it. */
  readonly destination: string;
  /** Default: a day. */
  readonly maxAgeMs?: number;
}

const entityFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";

/**
 * What every protocol message must be: SAML 2.0, from this provider, for this very endpoint, recent. An absent Destination or Issuer is a
 * wrong one: with it a message made for another service, or by another provider, would pass (Bindings 3.4.5.2, 3.5.5.2).
 */
export function checkHead(message: XmlElement, expected: HeadExpectations): void {
  if (attributeOf(message, "Version") !== "2.0") throw malformed(`the ${message.name} is not SAML 2.0`);
  requiredAttribute(message, "ID");
  checkIssuer(message, expected.issuer);
  const destination = attributeOf(message, "Destination");
  if (destination !== expected.destination)
    throw new GatewayError(
      "saml.destination",
      `the ${message.name} is addressed to ${destination?.slice(0, 500) || "nobody"}, it arrived at ${expected.destination}`,
    );
  const issued = readInstant("IssueInstant", requiredAttribute(message, "IssueInstant"));
  refuseStale(`IssueInstant of the ${message.name}`, issued, expected, expected.maxAgeMs);
}

/** Throws `saml.issuer-unknown` unless the element's Issuer is exactly this entity id. */
export function checkIssuer(element: XmlElement, issuer: string): void {
  const stated = onlyChild(element, namespaces.assertion, "Issuer");
  const format = stated === null ? null : attributeOf(stated, "Format");
  const value = stated === null ? null : trimmedTextOf(stated);
  if (value !== issuer || (format !== null && format !== entityFormat))
    throw new GatewayError("saml.issuer-unknown", `the ${element.name} is from ${value?.slice(0, 500) || "nobody"}, expected ${issuer}`);
}

/** The moment of checking, and how far two clocks may differ. */
export interface Now {
  readonly now: number;
  readonly toleranceMs: number;
}

const dayMs = 86_400_000;

/** An instant of a SAML message (Core 1.3.3), in milliseconds. Without a zone it would mean something else on every machine: refused. */
export function readInstant(what: string, text: string): number {
  const isDateTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,12})?(Z|[+-]\d{2}:\d{2})$/.test(text);
  const instant = isDateTime ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(instant)) throw malformed(`${what} is not an instant`);
  return instant;
}

/** Throws `saml.clock-skew` with the measured difference unless `instant` has come. */
export function refuseFuture(what: string, instant: number, { now, toleranceMs }: Now): void {
  if (instant > now + toleranceMs) throw skew(`${what} lies ${seconds(instant - now)} s in the future`, toleranceMs);
}

/** Throws `saml.clock-skew` with the measured difference when `instant` has passed: "not on or after". */
export function refusePast(what: string, instant: number, { now, toleranceMs }: Now): void {
  if (now >= instant + toleranceMs) throw skew(`${what} passed ${seconds(now - instant)} s ago`, toleranceMs);
}

/** An issue instant: not in the future, and no more than a day old (or what is given) whatever else the message says of itself. */
export function refuseStale(what: string, instant: number, at: Now, maxAgeMs = dayMs): void {
  refuseFuture(what, instant, at);
  const { now, toleranceMs } = at;
  if (now >= instant + maxAgeMs + toleranceMs)
    throw skew(`${what} was ${seconds(now - instant)} s ago, at most ${seconds(maxAgeMs)} s are accepted`, toleranceMs);
}

const seconds = (ms: number) => Math.round(ms / 1000);
const skew = (detail: string, toleranceMs: number) =>
  new GatewayError("saml.clock-skew", `${detail} (tolerance ${seconds(toleranceMs)} s): the clocks differ, or the message was held up`);

const prefix = "urn:oasis:names:tc:SAML:2.0:status:";

/** How the provider answered. Codes without the common prefix: `Success`, `Responder`, `PartialLogout`. */
export interface Status {
  readonly isSuccess: boolean;
  readonly codes: readonly string[];
  /** For operators: the codes and the provider's own words. */
  readonly detail: string;
}

/** The Status of an answer (Core 3.2.2): the top code decides, the nested ones and the message explain. */
export function readStatus(answer: XmlElement): Status {
  const status = requiredChild(answer, namespaces.protocol, "Status");
  const codes: string[] = [];
  let code: XmlElement | null = requiredChild(status, namespaces.protocol, "StatusCode");
  for (; code !== null && codes.length < 8; code = onlyChild(code, namespaces.protocol, "StatusCode")) {
    codes.push(requiredAttribute(code, "Value"));
  }
  const message = onlyChild(status, namespaces.protocol, "StatusMessage");
  const words = message === null ? "" : cleanProviderText(textOf(message));
  const short = codes.map((value) => cleanProviderText(value.startsWith(prefix) ? value.slice(prefix.length) : value));
  return {
    isSuccess: codes[0] === `${prefix}Success`,
    codes: short,
    detail: words === "" ? short.join(" / ") : `${short.join(" / ")}: ${words}`,
  };
}
