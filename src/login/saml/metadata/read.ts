import { GatewayError } from "../../../core/errors.ts";
import { readTrustedKey } from "../signature/trusted-keys.ts";
import { verifySignature } from "../signature/verify.ts";
import { decodeXml, parseXml } from "../xml/parse.ts";
import type { XmlLimits } from "../xml/tags.ts";
import { attributeOf, elementsOf, isNamed, namespaces, type XmlElement } from "../xml/tree.ts";
import { type IdpDocument, unusableMetadata } from "./idp-metadata.ts";
import { identityProviderRole, isIdentityProvider, readRole } from "./role.ts";

/** What must be known to read a metadata document. Plain data: it crosses threads. */
export interface ReadingOptions {
  /** The wanted entityID; null = the document must hold one entity only. */
  readonly entity: string | null;
  /** PEM of the certificate whose key must have signed the whole document; null = the document is believed for where it came from. */
  readonly signer: string | null;
  readonly allowSha1: boolean;
  /** `insecure.httpProviders`. */
  readonly allowHttp: boolean;
}

/**
 * The largest document that is read; one that is larger is given up while it is being fetched. Real ones of a single provider are a
 * tenth of the first bound (ADFS: 100 KiB). Federations' are read up to the second, where `metadataEntity` says that one is expected;
 * larger ones have a metadata query service that gives one entity.
 */
const largestEntityBytes = 1024 * 1024;
const largestFederationBytes = 8 * 1024 * 1024;
export const largestMetadataBytes = (entity: string | null) => (entity === null ? largestEntityBytes : largestFederationBytes);

export const metadataLimits: XmlLimits = {
  maxBytes: largestFederationBytes,
  maxDepth: 64,
  maxElements: 250_000,
  maxAttributes: 64,
  maxPrefixes: 64,
  allowComments: true,
};

/** An entity with the documents around it, outermost first: their validity is the entity's too. */
interface Placed {
  readonly entity: XmlElement;
  readonly within: readonly XmlElement[];
}

/**
 * Reads one identity provider out of a metadata document (SAML Metadata 2.0), or throws `saml.metadata-unusable` with the reason.
 *
 * With a signer the root must carry its enveloped signature, and only the bytes that it covers are read. Pure, but slow for large
 * documents: see reader.ts. Whether the document is still valid is for the caller to judge, who has a clock.
 */
export function readMetadata(bytes: Uint8Array, options: ReadingOptions): IdpDocument {
  try {
    return readDocument(bytes, options);
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code === "saml.metadata-unusable") throw error;
    throw unusableMetadata(`the metadata is refused: ${error.message}`, error);
  }
}

function readDocument(bytes: Uint8Array, options: ReadingOptions): IdpDocument {
  if (bytes.byteLength === 0) throw unusableMetadata("the metadata is empty");
  const document = parseXml(decodeXml(bytes, metadataLimits), metadataLimits);
  const { entity, within } = pick(
    options.signer === null ? document : verified(document, options.signer, options.allowSha1),
    options.entity,
  );
  const entityId = entityIdOf(entity);
  const role = identityProviderRole(entity, entityId);
  const levels = [...within, entity, role];
  return {
    entityId,
    ...readRole(entity, role, entityId, options.allowHttp),
    validUntil: earliest(levels, "validUntil", readInstant),
    cacheDurationMs: earliest(levels, "cacheDuration", readDuration),
  };
}

function verified(document: XmlElement, signer: string, allowSha1: boolean): XmlElement {
  return verifySignature(document, document, { keys: [readTrustedKey(signer)], allowSha1, limits: metadataLimits }).element;
}

/** The wanted entity, which must be there exactly once: which of two is meant cannot be known. */
function pick(root: XmlElement, wanted: string | null): Placed {
  const all = [...entitiesIn(root)];
  if (all.length === 0) throw unusableMetadata(`the document describes no entity: its root is ${root.name}, not EntityDescriptor`);
  // Of a federation with a single identity provider nothing else can be meant.
  const matching = wanted === null ? providersAmong(all) : all.filter(({ entity }) => entityIdOf(entity) === wanted);
  const [found, ...more] = matching;
  if (found !== undefined && more.length === 0) return found;
  if (wanted === null)
    throw unusableMetadata(
      `the document describes ${all.length} entities; set metadataEntity to one of ${someIds(matching.length === 0 ? all : matching)}`,
    );
  if (more.length > 0) throw unusableMetadata(`the document describes ${wanted} ${matching.length} times`);
  throw unusableMetadata(`the document does not describe ${wanted}; it describes ${someIds(all)}`);
}

/** Those that are SAML 2.0 identity providers, where there are several entities; a single one is judged, and named, by what it is. */
function providersAmong(all: readonly Placed[]): readonly Placed[] {
  return all.length === 1 ? all : all.filter(({ entity }) => isIdentityProvider(entity));
}

/** In document order. Depth is bounded by the parser. */
function* entitiesIn(element: XmlElement, within: readonly XmlElement[] = []): Generator<Placed> {
  if (isNamed(element, namespaces.metadata, "EntityDescriptor")) yield { entity: element, within };
  if (!isNamed(element, namespaces.metadata, "EntitiesDescriptor")) return;
  for (const child of elementsOf(element)) yield* entitiesIn(child, [...within, element]);
}

function entityIdOf(entity: XmlElement): string {
  const id = attributeOf(entity, "entityID") ?? "";
  // SAML Metadata 2.2.1: a URI of at most 1024 characters.
  if (id === "" || id.length > 1024) throw unusableMetadata("an EntityDescriptor has no entityID, or one longer than 1024 characters");
  return id;
}

const mostIds = 10;
function someIds(placed: readonly Placed[]): string {
  const ids = placed.slice(0, mostIds).map(({ entity }) => entityIdOf(entity));
  return `${ids.join(", ")}${placed.length > mostIds ? ` and ${placed.length - mostIds} more` : ""}`;
}

function earliest(levels: readonly XmlElement[], name: string, read: (text: string, what: string) => number): number | null {
  const found = levels.flatMap((level) => {
    const text = attributeOf(level, name);
    return text === null ? [] : [read(text, `${name} of the ${level.name}`)];
  });
  return found.length === 0 ? null : Math.min(...found);
}

const secondMs = 1000;
const dayMs = 86_400 * secondMs;
const instant = /^-?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,12})?(Z|[+-]\d\d:\d\d)?$/;
const duration = /^P(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,6})D)?(?:T(?:(\d{1,8})H)?(?:(\d{1,9})M)?(?:(\d{1,10})(?:\.\d{1,12})?S)?)?$/;

/** An xs:dateTime in milliseconds since the epoch; SAML's are UTC even where they do not say so (Core 1.3.3). Unreadable = unusable. */
function readInstant(text: string, what: string): number {
  const found = instant.exec(text.trim());
  // Years past 9999 and before 0 have another form in ECMAScript; no document lives that long.
  const at = found === null ? Number.NaN : Date.parse(found[1] === undefined ? `${found[0]}Z` : found[0]);
  if (Number.isNaN(at)) throw unusableMetadata(`${what} is not a time: ${text.slice(0, 60)}`);
  return at;
}

/** An xs:duration in milliseconds, months as 30 days and years as 365. Unreadable or negative = unusable. */
function readDuration(text: string, what: string): number {
  const [whole, ...amounts] = duration.exec(text.trim()) ?? [];
  if (whole === undefined || amounts.every((amount) => amount === undefined))
    throw unusableMetadata(`${what} is not a duration: ${text.slice(0, 60)}`);
  const [years = 0, months = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = amounts.map((amount) => Number(amount ?? 0));
  return (years * 365 + months * 30 + days) * dayMs + (hours * 3600 + minutes * 60 + seconds) * secondMs;
}
