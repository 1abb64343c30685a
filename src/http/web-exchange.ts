import type { IncomingMessage, ServerResponse } from "node:http";
import type { Answer } from "../core/answer.ts";
import { GatewayError } from "../core/errors.ts";
import { formatOrigin } from "../core/origin.ts";
import type { Visit } from "../core/route.ts";

const maxBodyBytes = 512 * 1024;
const bodyMs = 15_000;

/**
 * A request for the control plane as a Web Request: the URL made from the configured origin and the path's plain reading, the body
 * complete, at most 512 KiB and in at most 15 s. Throws `request.body-too-large` or `request.timeout`.
 */
export async function toWebRequest(req: IncomingMessage, res: ServerResponse, { incoming, site }: Visit): Promise<Request> {
  const headers = new Headers();
  const { rawHeaders } = incoming;
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "");
  const url = `${formatOrigin(site.origin)}${incoming.readings[0] ?? incoming.path}${incoming.query}`;
  if (incoming.method === "GET" || incoming.method === "HEAD" || incoming.body.kind === "none") {
    return new Request(url, { method: incoming.method, headers });
  }
  if (incoming.body.kind === "length" && incoming.body.bytes > maxBodyBytes) throw tooLarge();
  if (incoming.expectsContinue === true) res.writeContinue();
  return new Request(url, { method: incoming.method, headers, body: await readBody(req) });
}

/** The control plane's answer, complete. */
export async function toAnswer(response: Response): Promise<Answer> {
  return { status: response.status, headers: [...response.headers], body: await response.text(), close: false };
}

function readBody(req: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (act: () => void) => {
      clearTimeout(timer);
      req.off("data", onData).off("end", onEnd).off("close", onClose);
      act();
    };
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > maxBodyBytes) settle(() => reject(tooLarge()));
    };
    const onEnd = () => settle(() => resolve(new Uint8Array(Buffer.concat(chunks))));
    const onClose = () => settle(() => reject(new GatewayError("request.malformed", "the body broke off")));
    const timer = setTimeout(() => settle(() => reject(new GatewayError("request.timeout", "the body took too long"))), bodyMs);
    req.on("error", () => {});
    req.on("data", onData).on("end", onEnd).on("close", onClose);
  });
}

function tooLarge(): GatewayError {
  return new GatewayError("request.body-too-large", `more than ${maxBodyBytes} bytes`);
}
