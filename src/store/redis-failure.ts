import { GatewayError } from "../core/errors.ts";

/** Whether Redis did answer, if only to say no (READONLY, OOM, LOADING, NOPERM …): the connection works. */
export function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === "ReplyError";
}

/** Every failure of the store as the one that callers know. */
export function storeUnavailable(command: string, error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const cause = plainError(error);
  return new GatewayError("store.unavailable", `redis ${command}: ${cause.message}`, { cause });
}

/**
 * The error without what ioredis hangs on it: `error.command.args` holds AUTH's password and sealed values, and a
 * "wrong arguments" reply quotes them in its text.
 */
export function plainError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error("unknown failure");
  if (isReply(error)) return new Error(error.message.split(/,? with args|[`']/, 1)[0] ?? "");
  const code = "code" in error && typeof error.code === "string" ? `${error.code}: ` : "";
  return new Error(error.message.startsWith(code) ? error.message : `${code}${error.message}`);
}
