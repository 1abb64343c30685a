import { writeInstant } from "./authn-request.ts";
import { type NameId, writeNameId } from "./name-id.ts";
import { namespaces } from "./xml-tree.ts";
import { element, type Xml } from "./xml-write.ts";

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
