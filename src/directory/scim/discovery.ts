import type { JsonObject } from "../documents.ts";
import { mostResults } from "./list.ts";
import { type Attribute, groupType, type ResourceType, type Schema, userType } from "./schema.ts";

export const mostBulkOperations = 1_000;
/** As much as a control request may carry at all. */
export const mostBytes = 512 * 1024;

/** `/ServiceProviderConfig` (RFC 7643 5). */
export function serviceProviderConfig(baseUrl: string): JsonObject {
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
    patch: { supported: true },
    bulk: { supported: true, maxOperations: mostBulkOperations, maxPayloadSize: mostBytes },
    filter: { supported: true, maxResults: mostResults },
    changePassword: { supported: false },
    sort: { supported: true },
    etag: { supported: true },
    authenticationSchemes: [
      { type: "oauthbearertoken", name: "Bearer token", description: "The secret that the operator has configured.", primary: true },
    ],
    meta: { resourceType: "ServiceProviderConfig", location: `${baseUrl}/ServiceProviderConfig` },
  };
}

/** `/ResourceTypes` (RFC 7643 6). */
export function resourceTypes(baseUrl: string): readonly JsonObject[] {
  return [userType, groupType].map((type: ResourceType) => ({
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
    id: type.name,
    name: type.name,
    endpoint: type.endpoint,
    description: type.schema.description,
    schema: type.schema.id,
    schemaExtensions: type.extensions.map(({ id }) => ({ schema: id, required: false })),
    meta: { resourceType: "ResourceType", location: `${baseUrl}/ResourceTypes/${type.name}` },
  }));
}

/** `/Schemas` (RFC 7643 7). */
export function schemas(baseUrl: string): readonly JsonObject[] {
  const all: readonly Schema[] = [userType.schema, ...userType.extensions, groupType.schema];
  return all.map(({ id, name, description, attributes }) => ({
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
    id,
    name,
    description,
    attributes: attributes.map(described),
    meta: { resourceType: "Schema", location: `${baseUrl}/Schemas/${id}` },
  }));
}

function described({ subAttributes, ...attribute }: Attribute): JsonObject {
  return { ...attribute, ...(attribute.type === "complex" ? { subAttributes: subAttributes.map(described) } : {}) };
}
