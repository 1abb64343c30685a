import { Agent, request } from "node:http";

/** One request as the scenarios make it. */
export interface Question {
  readonly port: number;
  readonly path?: string;
  readonly host: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** False: a connection of its own. */
  readonly agent?: Agent | false;
  readonly timeoutMs?: number;
}
export interface Reply {
  /** 0 when there was none. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
  readonly ms: number;
  /** When it was asked (performance.now). */
  readonly at: number;
  readonly error: string | null;
}

export const keepAlive = () => new Agent({ keepAlive: true, maxSockets: 512, scheduling: "lifo" });

/** Never rejects: no answer is an answer, too. */
export function ask({ port, path = "/", host, method = "GET", headers = {}, body, agent, timeoutMs = 30_000 }: Question): Promise<Reply> {
  const at = performance.now();
  return new Promise((resolve) => {
    let text = "";
    const done = (reply: Pick<Reply, "status" | "headers" | "error">) => resolve({ ...reply, body: text, ms: performance.now() - at, at });
    const failed = (error: Error & { code?: string }) => done({ status: 0, headers: {}, error: error.code ?? error.message });
    const sent = request({ port, host: "127.0.0.1", path, method, headers: { host, ...headers }, agent: agent ?? false }, (response) => {
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        if (text.length < 100_000) text += chunk;
      });
      response.on("error", failed);
      response.on("end", () => done({ status: response.statusCode ?? 0, headers: response.headers, error: null }));
    });
    sent.setTimeout(timeoutMs, () => sent.destroy(new Error("no answer in time")));
    sent.on("error", failed);
    sent.end(body);
  });
}
