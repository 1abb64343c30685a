import type { GatewayError } from "../core/errors.ts";
import type { Identity } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import type { Route, Site } from "../core/route.ts";
import type { Audience } from "./headers/response.ts";

/**
 * What the identity side wants done to the headers of one forwarded request.
 *
 * Removal follows names, never values, and happens on every route: what is not set by us must not
 * arrive at all.
 */
export interface HeaderEdit {
  /** The client may not send this header; asked with the name as received, and answers with `-`, `_`, `.` and case folded. */
  removes(name: string): boolean;
  /** Written by us, last, in this order. Values are byte strings: one char per byte (latin1), already encoded, without CR, LF, NUL. */
  readonly set: readonly (readonly [name: string, value: string])[];
}

/** Everything that is decided before one request is forwarded: the forwarding itself decides nothing. */
export interface ForwardPlan {
  readonly incoming: Incoming;
  readonly site: Site;
  readonly route: Route;
  /** The caller it is forwarded for; null on public routes. `via: "bearer"` or `"token"` means that Authorization was ours and is consumed. */
  readonly identity: (Identity & { readonly kind: "known" }) | null;
  readonly identityHeaders: HeaderEdit;
  /** The second resource of COPY and MOVE, as if it had been asked for, under the route that it reaches; null without one. */
  readonly destination: { readonly incoming: Incoming; readonly route: Route } | null;
  /** For whom the answer is made. */
  readonly audience: Audience;
  /** Complete Set-Cookie values that are added to the client's answer when the application succeeds (status below 400). */
  readonly setCookie: readonly string[];
  /** Called once, before the upstream is asked, with a way to cut this exchange off at once (session ended, drain over). Safe to call at any time. */
  readonly onOpen?: (close: (why: string) => void) => void;
}

/** How it went; resolved when the last byte is gone (for tunnels: when both sides are closed). Never rejects. */
export interface ForwardResult {
  /** Status sent to the client; null when nothing was sent: then `error` says what the gateway must answer, unless the client is gone (`aborted`). */
  readonly status: number | null;
  /** Body bytes sent to the client (for tunnels: in that direction). */
  readonly bytesSent: number;
  /** Until the upstream's response head; null when there was none. */
  readonly upstreamMs: number | null;
  /** The answer is not complete at the client: it left, the upstream broke off, or the exchange was closed. */
  readonly aborted: boolean;
  readonly error: GatewayError | null;
}
