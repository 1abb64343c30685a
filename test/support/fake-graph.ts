import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Microsoft Graph as far as its documentation says: paged lists, an app's token, throttling. */
export interface FakeGraph {
  readonly host: string;
  /** Paths with queries, in order. */
  readonly requests: readonly string[];
  groups: { id: string; displayName: string; securityEnabled: boolean }[];
  user: Record<string, unknown>;
  pageSize: number;
  /** Answers before anything else, each once. */
  troubles: { status: number; retryAfter?: string; body?: string }[];
  /** While set, every request is answered so. */
  down: number | null;
  close(): Promise<void>;
}

export async function startFakeGraph(token: string): Promise<FakeGraph> {
  const requests: string[] = [];
  const server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const fake: FakeGraph = {
    host,
    requests,
    groups: [],
    user: {},
    pageSize: 2,
    troubles: [],
    down: null,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const send = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };
  function answer(request: IncomingMessage, response: ServerResponse) {
    requests.push(request.url ?? "");
    if (request.headers.authorization !== `Bearer ${token}`) return send(response, 401, { error: { code: "InvalidAuthenticationToken" } });
    const trouble = fake.troubles.shift();
    if (trouble !== undefined)
      return send(
        response,
        trouble.status,
        trouble.body ?? {},
        trouble.retryAfter === undefined ? {} : { "retry-after": trouble.retryAfter },
      );
    if (fake.down !== null) return send(response, fake.down, {});
    const url = new URL(request.url ?? "", `http://${host}`);
    if (/^\/v1\.0\/users\/[^/]+\/transitiveMemberOf\/microsoft\.graph\.group$/.test(url.pathname)) {
      const skip = Number(url.searchParams.get("$skiptoken") ?? 0);
      const more = skip + fake.pageSize < fake.groups.length;
      const next = `http://${host}${url.pathname}?$skiptoken=${skip + fake.pageSize}`;
      return send(response, 200, { value: fake.groups.slice(skip, skip + fake.pageSize), ...(more ? { "@odata.nextLink": next } : {}) });
    }
    if (/^\/v1\.0\/users\/[^/]+$/.test(url.pathname)) return send(response, 200, fake.user);
    return send(response, 404, {});
  }
  return fake;
}
