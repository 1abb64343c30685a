import { request } from "node:http";

/** The members of RFC 7643 and 7644 that tests look into; which of them a message has is what the tests say. */
export interface ScimBody {
  readonly id: string;
  readonly totalResults: number;
  readonly Resources: readonly ScimBody[];
  readonly userName: string;
  readonly meta: Readonly<Record<string, string>>;
  readonly members: readonly { readonly value: string; readonly type: string }[];
  readonly attributes: readonly ScimBody[];
  readonly name: string;
  /** Of a bulk answer. */
  readonly Operations: readonly {
    readonly status: string;
    readonly location: string;
    readonly bulkId: string;
    readonly response: ScimBody;
  }[];
  readonly [member: string]: unknown;
}

/** What came back. */
export interface ScimWireReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: ScimBody;
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
