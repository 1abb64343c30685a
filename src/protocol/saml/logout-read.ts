import { GatewayError } from "../../core/errors.ts";
import { type DecryptionPolicy, decryptElement } from "./decrypt.ts";
import { readInstant, refusePast } from "./instants.ts";
import { checkHead, type HeadExpectations } from "./message-head.ts";
import { type NameId, readNameId } from "./name-id.ts";
import { type MessageName, readRedirect, verifyRedirect } from "./redirect-binding.ts";
import { decodePosted } from "./response.ts";
import { parseXml } from "./safe-xml.ts";
import { countSignatures, type SignaturePolicy, verifySignature } from "./signature.ts";
import { badSignature } from "./signature-shape.ts";
import { readStatus } from "./status.ts";
import {
  attributeOf,
  childrenOf,
  isNamed,
  malformed,
  namespaces,
  onlyChild,
  requiredAttribute,
  requiredChild,
  trimmedTextOf,
  type XmlElement,
} from "./xml-tree.ts";

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
 * Verifies a logout message on either binding; throws `saml.logout-rejected` with the reason for operators. The signature is demanded
 * always: an unsigned LogoutRequest is a stranger who ends other people's sessions.
 */
export function readLogoutMessage(incoming: IncomingMessage, expected: LogoutExpectations): LogoutMessage {
  try {
    const { name, message, relayState } =
      incoming.binding === "redirect" ? openRedirect(incoming.rawQuery, expected) : openPost(incoming, expected);
    const kind = name === "SAMLRequest" ? "LogoutRequest" : "LogoutResponse";
    if (!isNamed(message, namespaces.protocol, kind)) throw malformed(`a ${kind} was expected, not ${message.name.slice(0, 100)}`);
    checkHead(message, { ...expected, maxAgeMs });
    return name === "SAMLRequest" ? readRequest(message, relayState, expected) : readResponse(message, relayState);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw new GatewayError("saml.logout-rejected", `the logout message is refused: ${error.message}`, { cause: error });
  }
}

interface Opened {
  readonly name: MessageName;
  /** Covered by a signature, wholly. */
  readonly message: XmlElement;
  readonly relayState: string | null;
}

function openRedirect(rawQuery: string, { signatures }: LogoutExpectations): Opened {
  const redirect = readRedirect(rawQuery);
  verifyRedirect(redirect, signatures);
  return { name: redirect.name, message: parseXml(redirect.xml), relayState: redirect.relayState };
}

function openPost(
  { name, message, relayState }: IncomingMessage & { readonly binding: "post" },
  { signatures }: LogoutExpectations,
): Opened {
  const root = parseXml(decodePosted(message));
  if (countSignatures(root) > 1) throw badSignature("a signature stands where none belongs");
  return { name, message: verifySignature(root, root, signatures).element, relayState };
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

function readResponse(message: XmlElement, relayState: string | null): LogoutMessage {
  const { isSuccess, codes, detail } = readStatus(message);
  const outcome = codes.includes("PartialLogout") ? "partial" : isSuccess ? "success" : "failed";
  return { kind: "response", inResponseTo: requiredAttribute(message, "InResponseTo"), relayState, outcome, detail };
}
