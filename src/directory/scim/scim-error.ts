/** The `scimType` values of RFC 7644, table 9. */
export type ScimType =
  | "invalidFilter"
  | "tooMany"
  | "uniqueness"
  | "mutability"
  | "invalidSyntax"
  | "invalidPath"
  | "noTarget"
  | "invalidValue"
  | "invalidVers"
  | "sensitive";

/** A request that is refused, in the protocol's own words; `message` tells the other side which member is wrong and why. */
export class ScimError extends Error {
  override readonly name = "ScimError";
  readonly status: number;
  readonly scimType: ScimType | null;
  /** Fields of the answer. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  constructor(status: number, scimType: ScimType | null, message: string, headers: ScimError["headers"] = []) {
    super(message);
    this.status = status;
    this.scimType = scimType;
    this.headers = headers;
  }
}

/** 405, with what is possible there (RFC 9110 15.5.6). */
export function notAllowed(method: string, allowed: string): ScimError {
  return new ScimError(405, null, `${method} is not possible here`, [["Allow", allowed]]);
}

/** 400 with this `scimType`. */
export function badRequest(scimType: ScimType, message: string): ScimError {
  return new ScimError(400, scimType, message);
}

/** The body of an error answer (RFC 7644 3.12). */
export function scimErrorBody({ status, scimType, message }: Pick<ScimError, "status" | "scimType" | "message">) {
  return {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
    status: String(status),
    ...(scimType === null ? {} : { scimType }),
    detail: message,
  };
}
