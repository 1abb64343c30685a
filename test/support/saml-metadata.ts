import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { SignedXml } from "xml-crypto";
import type { Documents } from "../../src/core/ports/documents.ts";
import type { SamlSettings } from "../../src/login/saml/settings.ts";
import type { TestCertificate } from "./certificates.ts";

export const samlNamespaces = `xmlns="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"`;
const bindings = "urn:oasis:names:tc:SAML:2.0:bindings:";
const protocol = "urn:oasis:names:tc:SAML:2.0:protocol";

/** A provider's settings as the configuration gives them by default, but for `change`. */
export function samlSettings(change: Partial<SamlSettings> = {}): SamlSettings {
  return {
    kind: "saml",
    metadata: { kind: "url", url: "https://idp.acme.example/metadata" },
    metadataEntity: null,
    metadataRefreshMs: 12 * 3_600_000,
    metadataSigner: null,
    entityId: "https://auth.acme.example/_vestibule/saml/adfs/metadata",
    idp: null,
    nameIdFormat: null,
    signRequests: true,
    keys: [],
    wantAssertionsSigned: true,
    allowIdpInitiated: false,
    allowSha1: false,
    allowLegacyEncryption: false,
    forceAuthn: false,
    authnContext: [],
    singleLogout: true,
    clockToleranceMs: 60_000,
    ...change,
  };
}

/** The parts of an identity provider's EntityDescriptor, each as XML text that a test may replace. */
export interface EntityParts {
  readonly entityId?: string;
  readonly attributes?: string;
  readonly certificates?: readonly string[];
  readonly keys?: string;
  readonly role?: string;
  readonly services?: string;
  readonly around?: string;
}

export const service = (name: string, binding: string, location: string, more = "") =>
  `<${name} Binding="${bindings}${binding}" Location="${location}"${more}/>`;
export const certificateKey = (certificate: string, use: string | null = "signing") =>
  `<KeyDescriptor${use === null ? "" : ` use="${use}"`}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>${bareBase64(certificate)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>`;
export const bareBase64 = (pem: string) => pem.replace(/-----[^-]+-----|\s/g, "");

/** One identity provider. */
export function entityXml(parts: EntityParts = {}): string {
  const id = parts.entityId ?? "https://idp.acme.example";
  const keys = parts.keys ?? (parts.certificates ?? []).map((one) => certificateKey(one)).join("");
  const services = parts.services ?? service("SingleSignOnService", "HTTP-Redirect", "https://idp.acme.example/sso");
  const role = `<IDPSSODescriptor ${parts.role ?? `protocolSupportEnumeration="${protocol}"`}>${keys}${services}</IDPSSODescriptor>`;
  return `<EntityDescriptor ${samlNamespaces} ID="_entity" entityID="${id}" ${parts.attributes ?? ""}>${role}${parts.around ?? ""}</EntityDescriptor>`;
}

/** The document with an enveloped signature over its root, by a library that is not the gateway's own. */
export function signRoot(xml: string, { key, certificate }: TestCertificate, algorithm = "rsa-sha256"): string {
  const exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
  const sha1 = algorithm === "rsa-sha1";
  const signer = new SignedXml({
    privateKey: key,
    publicCert: certificate,
    signatureAlgorithm: sha1 ? "http://www.w3.org/2000/09/xmldsig#rsa-sha1" : "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    canonicalizationAlgorithm: exclusive,
  });
  signer.addReference({
    xpath: "/*",
    transforms: ["http://www.w3.org/2000/09/xmldsig#enveloped-signature", exclusive],
    digestAlgorithm: sha1 ? "http://www.w3.org/2000/09/xmldsig#sha1" : "http://www.w3.org/2001/04/xmlenc#sha256",
  });
  signer.computeSignature(xml, { prefix: "ds", location: { reference: "/*", action: "prepend" } });
  return signer.getSignedXml();
}

/** A server on loopback that a test scripts; `asked` holds the headers of each request. */
export interface MetadataServer {
  readonly url: string;
  readonly asked: IncomingMessage["headers"][];
  answer: (request: IncomingMessage, response: ServerResponse) => void;
  close(): Promise<void>;
}

export async function startMetadataServer(): Promise<MetadataServer> {
  const server = createServer((request, response) => {
    started.asked.push(request.headers);
    started.answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const started: MetadataServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/metadata`,
    asked: [],
    answer: (_, response) => response.writeHead(404).end(),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return started;
}

/** Documents in a map. */
export function documentsInMemory(): Documents & { readonly kept: Map<string, { text: string; ttlMs: number }> } {
  const kept = new Map<string, { text: string; ttlMs: number }>();
  return {
    kept,
    read: async (name) => kept.get(name)?.text ?? null,
    write: async (name, text, ttlMs) => void kept.set(name, { text, ttlMs }),
  };
}
