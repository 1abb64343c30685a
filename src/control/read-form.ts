import { GatewayError } from "../core/errors.ts";

const usualMaxBytes = 64 * 1024;
const maxMs = 10_000;

/** The fields of a form that was posted: `application/x-www-form-urlencoded` only, 64 KiB (or as said) and ten seconds at most. */
export async function readForm(request: Request, maxBytes: number = usualMaxBytes): Promise<URLSearchParams> {
  const type = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded") {
    throw new GatewayError("request.malformed", `a form was expected, not ${type ?? "a body without a type"}`);
  }
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  return new URLSearchParams(await readText(request, maxBytes));
}

async function readText(request: Request, maxBytes: number): Promise<string> {
  if (request.body === null) return "";
  const reader = request.body.getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const late = setTimeout(() => void reader.cancel(), maxMs);
  const deadline = Date.now() + maxMs;
  let text = "";
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (Date.now() > deadline) throw new GatewayError("request.timeout", "the form did not arrive in time");
      if (done) return text + decoder.decode();
      bytes += value.byteLength;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      text += decoder.decode(value, { stream: true });
    }
  } catch (error) {
    if (error instanceof TypeError) throw new GatewayError("request.malformed", "the form is not UTF-8 or broke off", { cause: error });
    throw error;
  } finally {
    clearTimeout(late);
    // What is still to come of a refused body is not wanted.
    void reader.cancel().catch(() => {});
  }
}

const tooLarge = (maxBytes: number) => new GatewayError("request.body-too-large", `a form of more than ${maxBytes} bytes`);
