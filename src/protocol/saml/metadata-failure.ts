import { GatewayError } from "../../core/errors.ts";

/** Why a provider's metadata cannot be used: for operators, and the reason for which logins are refused. */
export const unusableMetadata = (detail: string, cause?: unknown) => new GatewayError("saml.metadata-unusable", detail, { cause });
