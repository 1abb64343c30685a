import { attributeOf, childrenOf, namespaces, trimmedTextOf, type XmlElement } from "../xml/tree.ts";
import { type IdpDocument, type SamlEndpoint, unusableMetadata } from "./idp-metadata.ts";
import { readSigningKeys } from "./keys.ts";

const shibboleth = "urn:mace:shibboleth:metadata:1.0";
const bindings: ReadonlyMap<string, SamlEndpoint["binding"]> = new Map([
  ["urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect", "redirect"],
  ["urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", "post"],
]);

/** Whether an entity has a role as a SAML 2.0 identity provider at all. */
export function isIdentityProvider(entity: XmlElement): boolean {
  return childrenOf(entity, namespaces.metadata, "IDPSSODescriptor").some((one) =>
    (attributeOf(one, "protocolSupportEnumeration") ?? "").split(/\s+/).includes(namespaces.protocol),
  );
}

/** The entity's one role as a SAML 2.0 identity provider; what else it is (ADFS and LemonLDAP::NG are service providers too) does not matter. */
export function identityProviderRole(entity: XmlElement, entityId: string): XmlElement {
  const roles = childrenOf(entity, namespaces.metadata, "IDPSSODescriptor");
  const [role, ...more] = roles.filter((one) =>
    (attributeOf(one, "protocolSupportEnumeration") ?? "").split(/\s+/).includes(namespaces.protocol),
  );
  if (role === undefined) {
    const what = roles.length > 0 ? "an identity provider, but not for SAML 2.0" : "no identity provider (it has no IDPSSODescriptor)";
    throw unusableMetadata(`${entityId} is ${what}`);
  }
  if (more.length > 0) throw unusableMetadata(`${entityId} describes itself as a SAML 2.0 identity provider more than once`);
  return role;
}

/** All that is used of the role, or a refusal when a login could not be begun or its answer not be verified. */
export function readRole(
  entity: XmlElement,
  role: XmlElement,
  entityId: string,
  allowHttp: boolean,
): Omit<IdpDocument, "entityId" | "validUntil" | "cacheDurationMs"> {
  const notes: string[] = [];
  const endpoints = (name: string) =>
    childrenOf(role, namespaces.metadata, name).flatMap((service) => readEndpoint(service, name, allowHttp, notes));
  const sso = endpoints("SingleSignOnService");
  const slo = endpoints("SingleLogoutService");
  const signing = readSigningKeys(role);
  notes.push(...signing.notes);
  const because = notes.length === 0 ? "" : ` (${notes.join("; ")})`;
  if (sso.length === 0) throw unusableMetadata(`${entityId} has no usable SingleSignOnService by HTTP-Redirect or HTTP-POST${because}`);
  if (signing.keys.length === 0) throw unusableMetadata(`${entityId} has no usable signing certificate${because}`);
  return {
    sso,
    slo,
    keys: signing.keys,
    wantAuthnRequestsSigned: isTrue(attributeOf(role, "WantAuthnRequestsSigned")),
    nameIdFormats: childrenOf(role, namespaces.metadata, "NameIDFormat").map(trimmedTextOf),
    scopes: [...scopesIn(role), ...scopesIn(entity)],
    notes,
  };
}

/** A service by a binding that is spoken here; a bad address is left out and named. */
function readEndpoint(service: XmlElement, what: string, allowHttp: boolean, notes: string[]): readonly SamlEndpoint[] {
  const binding = bindings.get(attributeOf(service, "Binding") ?? "");
  if (binding === undefined) return [];
  const location = attributeOf(service, "Location") ?? "";
  const responseLocation = attributeOf(service, "ResponseLocation");
  const problem = urlProblem(location, allowHttp) ?? (responseLocation === null ? null : urlProblem(responseLocation, allowHttp));
  if (problem === null) return [{ binding, location, responseLocation }];
  notes.push(`a ${what} is left out: ${problem}`);
  return [];
}

/** What is wrong with an address to which browsers would be sent, null when nothing is. */
export function urlProblem(text: string, allowHttp: boolean): string | null {
  const url = URL.parse(text);
  const shown = text.slice(0, 200);
  if (url === null || text.trim() !== text) return `${shown === "" ? "an empty text" : shown} is not a URL`;
  if (url.protocol !== "https:" && !(allowHttp && url.protocol === "http:")) return `${shown} is not https`;
  if (url.username !== "" || url.password !== "" || url.hash !== "") return `${url.origin}${url.pathname} has credentials or a fragment`;
  return null;
}

function scopesIn(parent: XmlElement): IdpDocument["scopes"] {
  return childrenOf(parent, namespaces.metadata, "Extensions")
    .flatMap((extensions) => childrenOf(extensions, shibboleth, "Scope"))
    .map((scope) => ({ value: trimmedTextOf(scope), isPattern: isTrue(attributeOf(scope, "regexp")) }));
}

/** xs:boolean. */
const isTrue = (text: string | null) => text?.trim() === "true" || text?.trim() === "1";
