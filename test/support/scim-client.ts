import { request } from "node:http";

/** What came back. */
export interface ScimWireReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  // biome-ignore lint/suspicious/noExplicitAny: what a protocol answers is looked into freely
  readonly body: any;
}

/** Asks a gateway on loopback as a provider does, over HTTP; `port` says which instance. */
export interface ScimWireRequest {
  readonly port: number;
  /** The Host of the auth origin. */
  readonly host: string;
  readonly provider: string;
  readonly token: string;
  readonly method: string;
  /** Below `/v2`. */
  readonly path: string;
  readonly body?: object | undefined;
}

export function askScim({ port, host, provider, token, method, path, body }: ScimWireRequest): Promise<ScimWireReply> {
  return new Promise((resolve, reject) => {
    const type = body === undefined ? {} : { "content-type": "application/scim+json" };
    const headers = { host, authorization: `Bearer ${token}`, ...type };
    const sent = request({ host: "127.0.0.1", port, method, path: `/_vestibule/scim/${provider}/v2${path}`, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      answer.on("end", () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text === "" ? null : JSON.parse(text) }),
      );
    });
    sent.on("error", reject);
    // Without a length, as most clients do not: chunked.
    if (body !== undefined) sent.write(JSON.stringify(body));
    sent.end();
  });
}
