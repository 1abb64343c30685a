import type { Answer } from "../../core/answer.ts";
import type { ControlRequest } from "../control-request.ts";
import type { ControlParts } from "../parts.ts";
import { samlProviderOf } from "./provider-of.ts";

/** `GET /_vestibule/saml/<provider>/metadata`: what the provider must know of us. Public, the same for everybody. */
export function metadataEndpoint(parts: ControlParts, request: ControlRequest): Answer {
  return {
    status: 200,
    headers: [
      ["Content-Type", "application/samlmetadata+xml; charset=utf-8"],
      ["Cache-Control", "public, max-age=300"],
      ["Cross-Origin-Resource-Policy", "cross-origin"],
    ],
    body: samlProviderOf(parts, request).metadataDocument(),
    close: false,
  };
}
