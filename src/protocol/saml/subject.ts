import { GatewayError } from "../../core/errors.ts";
import { type DecryptionPolicy, decryptElement } from "./decrypt.ts";
import { type Now, readInstant, refusePast } from "./instants.ts";
import { type NameId, readNameId } from "./name-id.ts";
import {
  attributeOf,
  childrenOf,
  isNamed,
  malformed,
  namespaces,
  onlyChild,
  requiredAttribute,
  requiredChild,
  type XmlElement,
} from "./xml-tree.ts";

const saml = namespaces.assertion;
const bearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/** What a confirmation ties the assertion to. */
export interface Confirmation {
  readonly inResponseTo: string | null;
  readonly notOnOrAfter: number;
}

/** The NameID of the assertion's Subject, decrypted where it is encrypted; null when the provider names the person by attributes only. */
export function readSubject(assertion: XmlElement, decryption: DecryptionPolicy): NameId | null {
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
export function confirmSubject(assertion: XmlElement, acsUrl: string, at: Now): Confirmation {
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
