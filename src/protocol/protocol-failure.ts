/**
 * Why a provider's word could not be used; the edges of this folder turn it into a GatewayError.
 *
 * `unavailable`: try later. `rejected`: what was presented does not verify. `refused`: the provider itself said no, and `providerError`
 * holds its error code. The message is safe for logs: it never quotes a token, a code or a body.
 */
export class ProtocolFailure extends Error {
  override readonly name = "ProtocolFailure";
  readonly kind: "unavailable" | "rejected" | "refused";
  readonly providerError: string | null;
  constructor(kind: ProtocolFailure["kind"], message: string, providerError: string | null = null) {
    super(message);
    this.kind = kind;
    this.providerError = providerError;
  }
}

export const unavailable = (message: string) => new ProtocolFailure("unavailable", message);
export const rejected = (message: string) => new ProtocolFailure("rejected", message);

/** What went wrong, as one line for operators. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
