import type { IncomingMessage, ServerResponse } from "node:http";
import type { Answer } from "../core/answer.ts";
import { GatewayError } from "../core/errors.ts";
import { formatOrigin } from "../core/origin.ts";
import type { Visit } from "../core/route.ts";

const maxBodyBytes = 512 * 1024;
const bodyMs = 15_000;
/** A form of the largest size in pieces of 32 bytes. Each piece costs as much as a large one, whatever it holds. */
const maxPieces = 16 * 1024;

/**
 * A request for the control plane as a Web Request: the URL made from the configured origin and the path's plain reading.
 *
 * Its body is read when somebody asks for it, and not before: an address that does not exist, a method that it does not have and a caller
 * who is over a limit cost no body. It then comes in one piece, at most 512 KiB and in at most 15 s; reading it fails with
 * `request.body-too-large`, `request.timeout` or `request.malformed`.
 */
export function toWebRequest(req: IncomingMessage, res: ServerResponse, { incoming, site }: Visit): Request {
  const headers = new Headers();
  const { rawHeaders } = incoming;
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "");
  const url = `${formatOrigin(site.origin)}${incoming.readings[0] ?? incoming.path}${incoming.query}`;
  if (incoming.method === "GET" || incoming.method === "HEAD" || incoming.body.kind === "none") {
    return new Request(url, { method: incoming.method, headers });
  }
  const body = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        if (incoming.body.kind === "length" && incoming.body.bytes > maxBodyBytes) throw tooLarge();
        if (incoming.expectsContinue === true && !res.headersSent) res.writeContinue();
        const bytes = await readBody(req);
        if (bytes.length > 0) controller.enqueue(bytes);
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  return new Request(url, { method: incoming.method, headers, body, duplex: "half" });
}

/** The control plane's answer, complete. */
export async function toAnswer(response: Response): Promise<Answer> {
  const head = { status: response.status, headers: [...response.headers], close: false };
  // Read as text, a picture would be another one.
  if (response.headers.get("content-type")?.startsWith("image/") !== true) return { ...head, body: await response.text() };
  return { ...head, body: "", bytes: new Uint8Array(await response.arrayBuffer()) };
}

/** Copied into one buffer that grows: kept as they come, a few MiB of one-byte chunks were 500 MiB of objects. */
function readBody(req: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    let buffer = new Uint8Array(4 * 1024);
    let bytes = 0;
    let pieces = 0;
    const settle = (act: () => void) => {
      clearTimeout(timer);
      req.off("data", onData).off("end", onEnd).off("close", onClose);
      act();
    };
    const fail = (error: GatewayError) => settle(() => reject(error));
    const onData = (piece: Buffer) => {
      pieces += 1;
      if (bytes + piece.length > maxBodyBytes) return fail(tooLarge());
      if (pieces > maxPieces) return fail(new GatewayError("request.malformed", `a body in more than ${maxPieces} pieces`));
      if (bytes + piece.length > buffer.length) {
        const larger = new Uint8Array(Math.max(2 * buffer.length, bytes + piece.length));
        larger.set(buffer.subarray(0, bytes));
        buffer = larger;
      }
      buffer.set(piece, bytes);
      bytes += piece.length;
    };
    const onEnd = () => settle(() => resolve(buffer.subarray(0, bytes)));
    const onClose = () => fail(new GatewayError("request.malformed", "the body broke off"));
    const timer = setTimeout(() => fail(new GatewayError("request.timeout", "the body took too long")), bodyMs);
    req.on("error", () => {});
    if (req.complete && req.readableEnded) return onEnd();
    if (req.destroyed) return onClose();
    req.on("data", onData).on("end", onEnd).on("close", onClose);
  });
}

function tooLarge(): GatewayError {
  return new GatewayError("request.body-too-large", `more than ${maxBodyBytes} bytes`);
}
