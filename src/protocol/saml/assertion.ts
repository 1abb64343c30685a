import { GatewayError } from "../../core/errors.ts";
import { readAttributes, type SamlAttribute } from "./attributes.ts";
import { checkConditions } from "./conditions.ts";
import type { DecryptionPolicy } from "./decrypt.ts";
import { type Now, readInstant, refuseFuture, refusePast, refuseStale } from "./instants.ts";
import { checkIssuer } from "./message-head.ts";
import type { NameId } from "./name-id.ts";
import { confirmSubject, readSubject } from "./subject.ts";
import {
  attributeOf,
  childrenOf,
  malformed,
  namespaces,
  onlyChild,
  requiredAttribute,
  trimmedTextOf,
  type XmlElement,
} from "./xml-tree.ts";

/** What a verified assertion says. Plain data: it is kept as JSON between the provider's post and the visitor's own request. */
export interface AssertionFacts {
  readonly assertionId: string;
  /** Until when the assertion could be accepted again, and its id must be remembered. */
  readonly replayUntil: number;
  /** From the signed confirmation; null = nobody asked for it. */
  readonly inResponseTo: string | null;
  readonly nameId: NameId | null;
  readonly sessionIndex: string | null;
  readonly authnInstant: number;
  readonly authnContext: string | null;
  /** The provider's own end of the session. */
  readonly sessionEndsAt: number | null;
  readonly attributes: readonly SamlAttribute[];
}
export interface AssertionExpectations extends Now {
  readonly issuer: string;
  readonly entityId: string;
  readonly acsUrl: string;
  readonly decryption: DecryptionPolicy;
}

const saml = namespaces.assertion;

/**
 * The facts of an assertion that was read from signed bytes, after every check of the Web Browser SSO profile (Profiles 4.1.4.3) that
 * does not need the browser. Throws the `saml.*` code of the first that fails.
 */
export function checkAssertion(assertion: XmlElement, expected: AssertionExpectations): AssertionFacts {
  if (attributeOf(assertion, "Version") !== "2.0") throw malformed("the Assertion is not SAML 2.0");
  checkIssuer(assertion, expected.issuer);
  refuseStale("IssueInstant of the Assertion", readInstant("IssueInstant", requiredAttribute(assertion, "IssueInstant")), expected);
  const confirmation = confirmSubject(assertion, expected.acsUrl, expected);
  const end = checkConditions(assertion, expected.entityId, expected);
  return {
    assertionId: requiredAttribute(assertion, "ID"),
    replayUntil: Math.min(confirmation.notOnOrAfter, end ?? confirmation.notOnOrAfter) + expected.toleranceMs,
    inResponseTo: confirmation.inResponseTo,
    nameId: readSubject(assertion, expected.decryption),
    ...readLogin(assertion, expected),
    attributes: readAttributes(assertion),
  };
}

/** When, how strongly and for how long. An assertion without an AuthnStatement proves that somebody exists, not that they are here. */
function readLogin(
  assertion: XmlElement,
  at: Now,
): Pick<AssertionFacts, "sessionIndex" | "authnInstant" | "authnContext" | "sessionEndsAt"> {
  const statements = childrenOf(assertion, saml, "AuthnStatement");
  const [statement] = statements;
  if (statement === undefined) throw new GatewayError("saml.conditions", "the assertion has no AuthnStatement: it states no login");
  const authnInstant = readInstant("AuthnInstant", requiredAttribute(statement, "AuthnInstant"));
  refuseFuture("AuthnInstant", authnInstant, at);
  const ends = statements.flatMap((each) => attributeOf(each, "SessionNotOnOrAfter") ?? []);
  const sessionEndsAt = ends.length === 0 ? null : Math.min(...ends.map((text) => readInstant("SessionNotOnOrAfter", text)));
  if (sessionEndsAt !== null) refusePast("SessionNotOnOrAfter", sessionEndsAt, { now: at.now, toleranceMs: 0 });
  return { sessionIndex: attributeOf(statement, "SessionIndex"), authnInstant, authnContext: contextOf(statement), sessionEndsAt };
}

function contextOf(statement: XmlElement): string | null {
  const context = onlyChild(statement, saml, "AuthnContext");
  const reference = context === null ? null : onlyChild(context, saml, "AuthnContextClassRef");
  return reference === null ? null : trimmedTextOf(reference);
}
