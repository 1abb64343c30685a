import { GatewayError } from "../../../core/errors.ts";
import { type DecryptionPolicy, decryptElement } from "../signature/decrypt.ts";
import { badSignature, countSignatures, type SignaturePolicy, verifySignature } from "../signature/verify.ts";
import { parseXml } from "../xml/parse.ts";
import { confirmReading } from "../xml/second-reader.ts";
import {
  attributeOf,
  childrenOf,
  element,
  isNamed,
  malformed,
  namespaces,
  onlyChild,
  requiredAttribute,
  requiredChild,
  trimmedTextOf,
  type Xml,
  type XmlElement,
} from "../xml/tree.ts";
import { writeInstant } from "./authn-request.ts";
import { checkHead, type HeadExpectations, readInstant, readStatus, refusePast } from "./head.ts";
import { type NameId, readNameId, writeNameId } from "./name-id.ts";
import { type MessageName, readRedirect, verifyRedirect } from "./redirect.ts";
import { decodePosted } from "./response.ts";

/** A logout message as it arrived. `rawQuery` is byte for byte what was sent, without the `?`. */
export type IncomingMessage =
  | { readonly binding: "redirect"; readonly rawQuery: string }
  | { readonly binding: "post"; readonly name: MessageName; readonly message: string; readonly relayState: string | null };

/** What a verified logout message says. */
export type LogoutMessage =
  | {
      readonly kind: "request";
      readonly id: string;
      readonly relayState: string | null;
      readonly nameId: NameId;
      /** Empty = all sessions of that person. */
      readonly sessionIndexes: readonly string[];
      /** Until when the id must be remembered: a request is obeyed once. */
      readonly replayUntil: number;
    }
  | {
      readonly kind: "response";
      readonly inResponseTo: string;
      readonly relayState: string | null;
      /** `partial`: signed out here, perhaps not everywhere. */
      readonly outcome: "success" | "partial" | "failed";
      readonly detail: string;
    };
export interface LogoutExpectations extends HeadExpectations {
  readonly signatures: SignaturePolicy;
  readonly decryption: DecryptionPolicy;
}

/** Logout messages travel at once: an old one is a replay, whatever its own NotOnOrAfter says. */
const maxAgeMs = 10 * 60_000;
const mostIndexes = 100;

/**
 * Verifies a logout message on either binding; throws `saml.logout-rejected` with the reason for operators. A LogoutRequest must be signed:
 * an unsigned one is a stranger who ends other people's sessions. A LogoutResponse without any signature answers a request of ours, by its
 * unguessable id, and is believed no further than "signed out here, perhaps not there"; a signature that does not fit is refused.
 */
export function readLogoutMessage(incoming: IncomingMessage, expected: LogoutExpectations): LogoutMessage {
  try {
    const { name, message, relayState, isProved } =
      incoming.binding === "redirect" ? openRedirect(incoming.rawQuery, expected) : openPost(incoming, expected);
    const kind = name === "SAMLRequest" ? "LogoutRequest" : "LogoutResponse";
    if (!isNamed(message, namespaces.protocol, kind)) throw malformed(`a ${kind} was expected, not ${message.name.slice(0, 100)}`);
    checkHead(message, { ...expected, maxAgeMs });
    if (name === "SAMLRequest") return readRequest(message, relayState, expected);
    const answer = readResponse(message, relayState);
    // Whatever its sender: our own sessions have ended, and what is said of the provider's is the less certain of both.
    return isProved ? answer : { ...answer, outcome: "partial", detail: "the answer is not signed" };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw new GatewayError("saml.logout-rejected", `the logout message is refused: ${error.message}`, { cause: error });
  }
}

interface Opened {
  readonly name: MessageName;
  /** Covered by a signature, wholly, unless it is a LogoutResponse that has none. */
  readonly message: XmlElement;
  readonly isProved: boolean;
  readonly relayState: string | null;
}

function openRedirect(rawQuery: string, { signatures }: LogoutExpectations): Opened {
  const redirect = readRedirect(rawQuery);
  const isProved = redirect.name === "SAMLRequest" || redirect.signature !== null;
  if (isProved) verifyRedirect(redirect, signatures);
  const message = parseXml(redirect.xml);
  confirmReading(redirect.xml, message);
  return { name: redirect.name, message, relayState: redirect.relayState, isProved };
}

function openPost(
  { name, message, relayState }: IncomingMessage & { readonly binding: "post" },
  { signatures }: LogoutExpectations,
): Opened {
  const root = parseXml(decodePosted(message));
  if (countSignatures(root) > 1) throw badSignature("a signature stands where none belongs");
  if (name === "SAMLResponse" && countSignatures(root) === 0) return { name, message: root, relayState, isProved: false };
  return { name, message: verifySignature(root, root, signatures).element, relayState, isProved: true };
}

function readRequest(message: XmlElement, relayState: string | null, expected: LogoutExpectations): LogoutMessage {
  const notOnOrAfter = attributeOf(message, "NotOnOrAfter");
  if (notOnOrAfter !== null) refusePast("NotOnOrAfter of the LogoutRequest", readInstant("NotOnOrAfter", notOnOrAfter), expected);
  const indexes = childrenOf(message, namespaces.protocol, "SessionIndex").map(trimmedTextOf);
  if (indexes.length > mostIndexes) throw malformed(`the LogoutRequest names more than ${mostIndexes} sessions`);
  const encrypted = onlyChild(message, namespaces.assertion, "EncryptedID");
  const nameId =
    encrypted === null
      ? readNameId(requiredChild(message, namespaces.assertion, "NameID"))
      : decryptElement(encrypted, expected.decryption, readNameId);
  return {
    kind: "request",
    id: requiredAttribute(message, "ID"),
    relayState,
    nameId,
    sessionIndexes: indexes,
    replayUntil: readInstant("IssueInstant", requiredAttribute(message, "IssueInstant")) + maxAgeMs + expected.toleranceMs,
  };
}

function readResponse(message: XmlElement, relayState: string | null): LogoutMessage & { readonly kind: "response" } {
  const { isSuccess, codes, detail } = readStatus(message);
  const outcome = codes.includes("PartialLogout") ? "partial" : isSuccess ? "success" : "failed";
  return { kind: "response", inResponseTo: requiredAttribute(message, "InResponseTo"), relayState, outcome, detail };
}

interface Head {
  readonly id: string;
  readonly now: number;
  readonly destination: string;
  readonly entityId: string;
}

/** How long the provider may take to begin with our LogoutRequest. */
const validMs = 5 * 60_000;
const status = "urn:oasis:names:tc:SAML:2.0:status:";

/** A LogoutRequest (Core 3.7.1) for these of the person's sessions; without indexes for all of them. */
export function writeLogoutRequest(request: Head & { readonly nameId: NameId; readonly sessionIndexes: readonly string[] }): Xml {
  return element(
    "samlp:LogoutRequest",
    { ...head(request), NotOnOrAfter: writeInstant(request.now + validMs) },
    element("saml:Issuer", {}, request.entityId),
    writeNameId(request.nameId),
    request.sessionIndexes.map((index) => element("samlp:SessionIndex", {}, index)),
  );
}

/** A LogoutResponse: `partial` says that the person may still be signed in somewhere (Core 3.7.3.2), `failed` that nothing was ended. */
export function writeLogoutResponse(
  response: Head & { readonly inResponseTo: string; readonly outcome: "success" | "partial" | "failed" },
): Xml {
  const { inResponseTo, outcome } = response;
  return element(
    "samlp:LogoutResponse",
    { ...head(response), InResponseTo: inResponseTo },
    element("saml:Issuer", {}, response.entityId),
    element(
      "samlp:Status",
      {},
      element(
        "samlp:StatusCode",
        { Value: `${status}${outcome === "failed" ? "Responder" : "Success"}` },
        outcome === "partial" && element("samlp:StatusCode", { Value: `${status}PartialLogout` }),
      ),
    ),
  );
}

function head({ id, now, destination }: Head) {
  return {
    "xmlns:samlp": namespaces.protocol,
    "xmlns:saml": namespaces.assertion,
    ID: id,
    Version: "2.0",
    IssueInstant: writeInstant(now),
    Destination: destination,
  };
}
