/** A complete answer of the gateway's own: a redirect, a page, JSON or a bare status. */
export interface Answer {
  readonly status: number;
  /** In order; a name may repeat (Set-Cookie). */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** Instead of `body` where it is no text: a picture. */
  readonly bytes?: Uint8Array;
  /** The connection is closed afterwards: framing can no longer be trusted, or more bytes are not wanted. */
  readonly close: boolean;
}
