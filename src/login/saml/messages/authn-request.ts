import { element, namespaces, type Xml } from "../xml/tree.ts";

export interface AuthnRequest {
  readonly id: string;
  readonly now: number;
  /** The provider's endpoint: part of what is signed, so that the request cannot be passed on to another one. */
  readonly destination: string;
  readonly entityId: string;
  readonly acsUrl: string;
  readonly nameIdFormat: string | null;
  /** Any of these, exactly; empty = not asked for. */
  readonly authnContext: readonly string[];
  readonly forceAuthn: boolean;
}

/** An AuthnRequest (Core 3.4.1) that asks for an answer by POST at our assertion consumer service. */
export function writeAuthnRequest(request: AuthnRequest): Xml {
  return element(
    "samlp:AuthnRequest",
    {
      "xmlns:samlp": namespaces.protocol,
      "xmlns:saml": namespaces.assertion,
      ID: request.id,
      Version: "2.0",
      IssueInstant: writeInstant(request.now),
      Destination: request.destination,
      ForceAuthn: request.forceAuthn ? true : null,
      ProtocolBinding: "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
      AssertionConsumerServiceURL: request.acsUrl,
    },
    element("saml:Issuer", {}, request.entityId),
    element("samlp:NameIDPolicy", { Format: request.nameIdFormat, AllowCreate: true }),
    request.authnContext.length > 0 &&
      element(
        "samlp:RequestedAuthnContext",
        { Comparison: "exact" },
        request.authnContext.map((reference) => element("saml:AuthnContextClassRef", {}, reference)),
      ),
  );
}

/** Whole seconds in UTC: every SAML library reads that, not every one reads fractions. */
export const writeInstant = (instant: number): string => `${new Date(instant).toISOString().slice(0, 19)}Z`;
