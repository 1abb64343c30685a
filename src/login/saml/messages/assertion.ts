import { GatewayError } from "../../../core/errors.ts";
import { type DecryptionPolicy, decryptElement } from "../signature/decrypt.ts";
import {
  attributeOf,
  childrenOf,
  elementsOf,
  isNamed,
  malformed,
  namespaces,
  onlyChild,
  requiredAttribute,
  requiredChild,
  textOf,
  trimmedTextOf,
  type XmlElement,
} from "../xml/tree.ts";
import { checkIssuer, type Now, readInstant, refuseFuture, refusePast, refuseStale } from "./head.ts";
import { type NameId, readNameId } from "./name-id.ts";

/** What a verified assertion says. Plain data: it is kept as JSON between the provider's post and the visitor's own request. */
export interface AssertionFacts {
  readonly assertionId: string;
  /** Until when the assertion could be accepted again, and its id must be remembered. */
  readonly replayUntil: number;
  /** From the signed confirmation; null = it was not asked for. */
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

/** When, how strongly and for how long. An assertion without an AuthnStatement proves that a person exists, not that they are here. */
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

/**
 * Checks the Conditions of an assertion (Core 2.5.1) and answers their NotOnOrAfter, null when there is none. A condition that is not
 * known may be the one that forbids this use, so it is refused; without an audience the assertion was made for everyone, and anyone
 * who received it could use it here.
 */
function checkConditions(assertion: XmlElement, entityId: string, at: Now): number | null {
  const conditions = requiredChild(assertion, saml, "Conditions");
  const notBefore = attributeOf(conditions, "NotBefore");
  if (notBefore !== null) refuseFuture("NotBefore of the Conditions", readInstant("NotBefore", notBefore), at);
  const notOnOrAfter = attributeOf(conditions, "NotOnOrAfter");
  const end = notOnOrAfter === null ? null : readInstant("NotOnOrAfter", notOnOrAfter);
  if (end !== null) refusePast("NotOnOrAfter of the Conditions", end, at);
  // OneTimeUse holds anyway: every assertion is accepted once. ProxyRestriction concerns assertions that we would issue ourselves.
  const unknown = elementsOf(conditions).find(
    ({ namespace, name }) => namespace !== saml || !["AudienceRestriction", "OneTimeUse", "ProxyRestriction"].includes(name),
  );
  if (unknown !== undefined)
    throw new GatewayError("saml.conditions", `the assertion has the condition ${unknown.name}, which is not known`);
  const restrictions = childrenOf(conditions, saml, "AudienceRestriction");
  if (restrictions.length === 0) throw new GatewayError("saml.audience", `the assertion names no audience, expected ${entityId}`);
  // Several restrictions must all hold; the audiences inside one are alternatives (Core 2.5.1.4).
  for (const restriction of restrictions) {
    const audiences = childrenOf(restriction, saml, "Audience").map(trimmedTextOf);
    if (!audiences.includes(entityId))
      throw new GatewayError("saml.audience", `the assertion is for ${audiences.join(", ").slice(0, 500) || "nobody"}, we are ${entityId}`);
  }
  return end;
}

const bearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/** What a confirmation ties the assertion to. */
interface Confirmation {
  readonly inResponseTo: string | null;
  readonly notOnOrAfter: number;
}

/** The NameID of the assertion's Subject, decrypted where it is encrypted; null when the provider names the person by attributes only. */
function readSubject(assertion: XmlElement, decryption: DecryptionPolicy): NameId | null {
  const subject = requiredChild(assertion, saml, "Subject");
  const plain = onlyChild(subject, saml, "NameID");
  const encrypted = onlyChild(subject, saml, "EncryptedID");
  if (onlyChild(subject, saml, "BaseID") !== null || (plain !== null && encrypted !== null))
    throw malformed("the Subject names the person in more than one way, or by a BaseID");
  if (encrypted !== null) return decryptElement(encrypted, decryption, readDecrypted);
  return plain === null ? null : readNameId(plain);
}

function readDecrypted(element: XmlElement): NameId {
  if (!isNamed(element, saml, "NameID")) throw malformed("the EncryptedID holds no NameID");
  return readNameId(element);
}

/**
 * The first bearer confirmation that holds (Profiles 4.1.4.3: at least one must): delivered to us, still valid, not for a later time.
 * When none holds, the first reason is thrown. The address of the browser is not compared: it changes on its way through proxies.
 */
function confirmSubject(assertion: XmlElement, acsUrl: string, at: Now): Confirmation {
  const confirmations = childrenOf(requiredChild(assertion, saml, "Subject"), saml, "SubjectConfirmation");
  let reason: unknown = null;
  for (const confirmation of confirmations) {
    if (attributeOf(confirmation, "Method") !== bearer) continue;
    try {
      return checkBearer(confirmation, acsUrl, at);
    } catch (error) {
      reason ??= error;
    }
  }
  throw reason ?? new GatewayError("saml.conditions", "the assertion has no bearer SubjectConfirmation");
}

function checkBearer(confirmation: XmlElement, acsUrl: string, at: Now): Confirmation {
  const data = requiredChild(confirmation, saml, "SubjectConfirmationData");
  const recipient = attributeOf(data, "Recipient");
  if (recipient !== acsUrl)
    throw new GatewayError("saml.destination", `the assertion may be delivered to ${recipient ?? "nowhere"}, we are ${acsUrl}`);
  if (attributeOf(data, "NotBefore") !== null)
    throw new GatewayError("saml.conditions", "the bearer confirmation has a NotBefore, which the profile forbids");
  const notOnOrAfter = readInstant("NotOnOrAfter", requiredAttribute(data, "NotOnOrAfter"));
  refusePast("NotOnOrAfter of the SubjectConfirmation", notOnOrAfter, at);
  return { inResponseTo: attributeOf(data, "InResponseTo"), notOnOrAfter };
}

/** One attribute as the provider sent it. A value that is no text (nested XML) is null: it is there, and cannot be read. */
export interface SamlAttribute {
  readonly name: string;
  readonly friendlyName: string | null;
  readonly values: readonly (string | null)[];
}

/**
 * The attributes of an assertion, those with the same name merged, in the order in which they came. `xsi:type` is ignored: every value is
 * its text. Empty and nil values say nothing and are left out; an attribute without values is still listed, as received.
 */
export function readAttributes(assertion: XmlElement): readonly SamlAttribute[] {
  const merged = new Map<string, { friendlyName: string | null; readonly values: Set<string | null> }>();
  for (const statement of childrenOf(assertion, namespaces.assertion, "AttributeStatement")) {
    // Left out, an encrypted group would be one without members, and a rule that denies it would let its members pass.
    if (childrenOf(statement, namespaces.assertion, "EncryptedAttribute").length > 0)
      throw malformed("the assertion holds an EncryptedAttribute; encrypt the whole assertion instead");
    for (const attribute of childrenOf(statement, namespaces.assertion, "Attribute")) {
      const name = attributeOf(attribute, "Name") ?? "";
      if (name === "") throw malformed("an Attribute has no Name");
      const known = merged.get(name) ?? { friendlyName: null, values: new Set() };
      known.friendlyName ??= attributeOf(attribute, "FriendlyName");
      for (const value of childrenOf(attribute, namespaces.assertion, "AttributeValue")) addValue(known.values, value);
      merged.set(name, known);
    }
  }
  return [...merged].map(([name, { friendlyName, values }]) => ({ name, friendlyName, values: [...values] }));
}

function addValue(values: Set<string | null>, element: XmlElement): void {
  const isNil = element.attributes.some(
    ({ namespace, name, value }) => namespace === namespaces.schemaInstance && name === "nil" && (value === "true" || value === "1"),
  );
  const text = isNil ? "" : readValue(element);
  if (text !== "") values.add(text);
}

/** eduPersonTargetedID holds a NameID (urn:oid:1.3.6.1.4.1.5923.1.1.1.10); nothing else that is nested means a text. */
function readValue(element: XmlElement): string | null {
  const [nested, ...more] = elementsOf(element);
  if (nested === undefined) return textOf(element);
  const isNameId = more.length === 0 && isNamed(nested, namespaces.assertion, "NameID") && elementsOf(nested).length === 0;
  return isNameId ? textOf(nested) : null;
}
