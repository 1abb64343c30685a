import { createHash, type KeyObject } from "node:crypto";
import { canonicalise } from "../xml/canonical.ts";
import { messageLimits, parseXml } from "../xml/parse.ts";
import type { XmlLimits } from "../xml/tags.ts";
import { element, isElement, namespaces, requiredAttribute, type Xml, type XmlElement } from "../xml/tree.ts";
import { enveloped, exclusiveC14n, ownAlgorithm, signWith } from "./algorithms.ts";

/** What we sign with; the certificate (PEM) is published beside the signature. */
export interface SigningKey {
  readonly key: KeyObject;
  readonly certificate: string;
}

const exclusive = { exclusive: true, prefixes: [] };
const sha256 = "http://www.w3.org/2001/04/xmlenc#sha256";

/**
 * The document with an enveloped signature over its root, which must have an ID. The signature stands after the root's Issuer where
 * there is one, else first: where the schemas of SAML want it.
 */
export function signXml(document: Xml, { key, certificate }: SigningKey, limits: XmlLimits = messageLimits): string {
  const root = parseXml(document.xml, limits);
  const digest = createHash("sha256")
    .update(canonicalise(root, exclusive, null, limits.maxBytes))
    .digest("base64");
  const info = element(
    "ds:SignedInfo",
    { "xmlns:ds": namespaces.signature },
    element("ds:CanonicalizationMethod", { Algorithm: exclusiveC14n }),
    element("ds:SignatureMethod", { Algorithm: ownAlgorithm(key) }),
    element(
      "ds:Reference",
      { URI: `#${requiredAttribute(root, "ID")}` },
      element(
        "ds:Transforms",
        {},
        element("ds:Transform", { Algorithm: enveloped }),
        element("ds:Transform", { Algorithm: exclusiveC14n }),
      ),
      element("ds:DigestMethod", { Algorithm: sha256 }),
      element("ds:DigestValue", {}, digest),
    ),
  );
  const value = signWith(key, canonicalise(parseXml(info.xml), exclusive)).toString("base64");
  const signature = element(
    "ds:Signature",
    { "xmlns:ds": namespaces.signature },
    info,
    element("ds:SignatureValue", {}, value),
    element("ds:KeyInfo", {}, element("ds:X509Data", {}, element("ds:X509Certificate", {}, bareCertificate(certificate)))),
  );
  return insert(root, parseXml(signature.xml), limits);
}

/** A PEM certificate's base64, as XML documents carry it. */
export function bareCertificate(pem: string): string {
  return pem.replace(/-----(BEGIN|END) CERTIFICATE-----|\s+/g, "");
}

/** Written canonically: then what is sent and what was signed cannot differ by anything. */
function insert(root: XmlElement, signature: XmlElement, limits: XmlLimits): string {
  const first = root.children.findIndex(isElement);
  const issuer = root.children[first];
  const at = issuer !== undefined && isElement(issuer) && issuer.name === "Issuer" ? first + 1 : Math.max(first, 0);
  const children = [...root.children.slice(0, at), signature, ...root.children.slice(at)];
  return canonicalise({ ...root, children }, exclusive, null, limits.maxBytes * 2);
}
