import { type ErrorCode, GatewayError } from "../../../core/errors.ts";
import { meaningOf } from "../../remote/provider-errors.ts";
import { decodeBase64 } from "../signature/algorithms.ts";
import { decryptElement } from "../signature/decrypt.ts";
import { badSignature, countSignatures, type SignaturePolicy, signatureOf, verifySignature } from "../signature/verify.ts";
import { decodeXml, messageLimits, parseXml } from "../xml/parse.ts";
import { attributeOf, childrenOf, countElements, elementsOf, isNamed, malformed, namespaces, type XmlElement } from "../xml/tree.ts";
import { type AssertionExpectations, type AssertionFacts, checkAssertion } from "./assertion.ts";
import { checkHead, readStatus, type Status } from "./head.ts";

/** Everything but the answer itself: the verification is a pure function of both. */
export interface ResponseExpectations extends AssertionExpectations {
  readonly signatures: SignaturePolicy;
  readonly allowUnsolicited: boolean;
}

/** A login that a provider vouched for, every fact from signed bytes; what remains to be checked is that this browser asked for it. */
export interface VerifiedAnswer extends AssertionFacts {
  /** The certificate or key that proved it: worth a warning when it has expired. */
  readonly signedBy: { readonly fingerprint: string; readonly expiresAt: number | null };
}

/** The longest `SAMLResponse` value that can hold an acceptable document. */
export const longestPostedMessage = Math.ceil((messageLimits.maxBytes * 4) / 3) + 16 * 1024;

/** The XML of a message that came by the POST binding. */
export function decodePosted(message: string): string {
  if (message.length > longestPostedMessage) throw malformed("the posted message is too long");
  const bytes = decodeBase64(message);
  if (bytes === null) throw malformed("the posted message is not base64");
  return decodeXml(bytes);
}

/**
 * Verifies a Response in full, except for what only the browser can prove (`checkRequest`) and for its being
 * used once (the caller remembers `assertionId` until `replayUntil`). Throws a `saml.*` code, with the measured values for operators.
 *
 * Signature wrapping is met three times over: the document may hold one assertion, at its place, and no signature but the Response's
 * and the assertion's own; each that is there must verify; and everything said about the person is read from the bytes under the inner
 * one of them. An assertion inside a signed Response counts as signed (Core 5.3).
 */
export function verifyResponse(xml: string, expected: ResponseExpectations): VerifiedAnswer {
  const root = parseXml(xml);
  if (!isNamed(root, namespaces.protocol, "Response")) throw malformed(`a Response was expected, not ${root.name.slice(0, 100)}`);
  checkHead(root, { ...expected, destination: expected.acsUrl });
  const status = readStatus(root);
  if (!status.isSuccess) throw new GatewayError(codeOfStatus(status), `the provider answered ${status.detail}`);
  const sole = soleAssertion(root);
  refuseStraySignatures(root, sole);
  if (signatureOf(root) === null) return answerFrom(root, sole, null, expected);
  // With a signature of its own the assertion is read from its own bytes, and proves itself.
  const onlyPlaces = sole.name === "Assertion" && signatureOf(sole) !== null;
  const verified = verifySignature(root, root, { ...expected.signatures, onlyPlaces });
  const signedSole = soleAssertion(verified.element);
  if (onlyPlaces && signatureOf(signedSole) === null) throw badSignature("the signed Response holds another assertion than the document");
  return answerFrom(verified.element, signedSole, verified.key, expected);
}

/** By the table of all provider errors: the innermost code that it knows decides; a bare `Responder` says no more than no. */
function codeOfStatus({ codes, detail }: Status): ErrorCode {
  if (codes.includes("NoAuthnContext")) return "saml.authn-context";
  const what = codes.toReversed().flatMap((code) => meaningOf(code) ?? [])[0];
  if (what === "passing" || /\bauthentication_expired\b/.test(detail)) return "login.provider-busy";
  return what === "ours" ? "setup.request" : "saml.status";
}

/** `document` is the signed Response, or the unsigned one as it came: then `key` is null and the assertion must prove itself. */
function answerFrom(
  document: XmlElement,
  sole: XmlElement,
  key: VerifiedAnswer["signedBy"] | null,
  expected: ResponseExpectations,
): VerifiedAnswer {
  const prove = (root: XmlElement, assertion: XmlElement) => {
    const own = signatureOf(assertion) === null ? null : verifySignature(root, assertion, expected.signatures);
    const signer = own?.key ?? key;
    if (signer === null) throw badSignature("neither the Response nor its Assertion is signed");
    return { assertion: own?.element ?? assertion, signer };
  };
  // A signature made before encryption is inside: what counts then is the plaintext alone, as a document of its own.
  const { assertion, signer } =
    sole.name === "Assertion" ? prove(document, sole) : decryptElement(sole, expected.decryption, (inner) => prove(inner, soleRoot(inner)));
  const facts = checkAssertion(assertion, expected);
  checkSolicitation(document, facts, expected);
  return { ...facts, signedBy: { fingerprint: signer.fingerprint, expiresAt: signer.expiresAt } };
}

/** The only Assertion or EncryptedAssertion, in any namespace and at any depth, and where it belongs. */
function soleAssertion(root: XmlElement): XmlElement {
  const allowed = ["Issuer", "Signature", "Extensions", "Status", "Assertion", "EncryptedAssertion"];
  const stranger = elementsOf(root).find(({ name }) => !allowed.includes(name));
  if (stranger !== undefined) throw malformed(`the Response holds ${stranger.name.slice(0, 100)}, which does not belong there`);
  const inPlace = ["Assertion", "EncryptedAssertion"].flatMap((name) => childrenOf(root, namespaces.assertion, name));
  const anywhere = countElements(root, isAnyAssertion);
  const [sole] = inPlace;
  if (sole === undefined || inPlace.length !== 1 || anywhere !== 1)
    throw malformed(`the Response holds ${anywhere} assertions, ${inPlace.length} of them in place: exactly one is accepted`);
  return sole;
}

const isAnyAssertion = ({ name }: XmlElement) => name === "Assertion" || name === "EncryptedAssertion";

/** As `soleAssertion`, for an assertion that was encrypted and is now a document of its own. */
function soleRoot(root: XmlElement): XmlElement {
  if (!isNamed(root, namespaces.assertion, "Assertion") || countElements(root, isAnyAssertion) !== 1)
    throw malformed("the decrypted element is not one Assertion");
  if (countSignatures(root) !== (signatureOf(root) === null ? 0 : 1)) throw badSignature("a signature stands where none belongs");
  return root;
}

function refuseStraySignatures(root: XmlElement, assertion: XmlElement): void {
  const inPlace = [root, assertion].filter((element) => signatureOf(element) !== null).length;
  if (countSignatures(root) !== inPlace) throw badSignature("a signature stands where none belongs");
}

/**
 * Only the signed confirmation says which request is answered. A Response that claims one which the confirmation does not know was put
 * together by an attacker: an unsolicited assertion dressed as an answer.
 */
function checkSolicitation(response: XmlElement, { inResponseTo }: AssertionFacts, { allowUnsolicited }: ResponseExpectations): void {
  const claimed = attributeOf(response, "InResponseTo");
  if (claimed !== null && claimed !== inResponseTo)
    throw new GatewayError("saml.request-expired", "the Response and its SubjectConfirmation do not answer the same request");
  if (inResponseTo === null && !allowUnsolicited)
    throw new GatewayError("saml.unsolicited", "the Response answers no request of ours, and allowIdpInitiated is off");
}
