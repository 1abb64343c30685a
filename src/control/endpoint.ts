import type { Answer } from "../core/answer.ts";
import type { ControlRequest } from "./control-request.ts";

/** One address under `/_vestibule/`, as data. Everything that is decided about a request before its endpoint runs stands in these fields. */
export interface Endpoint {
  /** Below `/_vestibule`; `:provider` is one segment, which `ControlRequest.provider` holds. */
  readonly path: string;
  /** It is the host's very first page, `/`, and not below the prefix. Only where no app answers on the host. */
  readonly isRoot?: true;
  /** Where it exists: on the auth origin, on the hosts of apps, or on both. */
  readonly on: "auth" | "app" | "any";
  /** HEAD stands only where GET changes nothing: mail scanners and link previews must not spend a ticket. */
  readonly methods: readonly ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE")[];
  /** A stranger can make the gateway work here (opening sealed values, asking providers, verifying signatures): counted for each address. */
  readonly limited: boolean;
  /** Ends sessions: neither kept waiting nor refused when the gateway is full. */
  readonly urgent: boolean;
  run(request: ControlRequest): Answer | Promise<Answer>;
}
