// NTLM and Negotiate authenticate a connection (RFC 4559 section 6). Where upstream connections are shared, the visitor after alice is
// served as alice: without credentials, and on public paths without a session.
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { type RawClient, rawConnect } from "../support/raw-client.ts";

/** An application that authenticates the connection in three steps, as IIS and Apache do, and then asks nothing more of it. */
async function startNtlmUpstream(offers = "NTLM"): Promise<{ server: Server; url: string; authenticated: ReadonlySet<Socket> }> {
  const users = new WeakMap<Socket, string>();
  const begun = new WeakSet<Socket>();
  const authenticated = new Set<Socket>();
  const server = createServer((request, response) => {
    const { socket } = request;
    request.resume();
    const [, scheme = "", step = ""] = /^(NTLM|Negotiate|CredSSP|PKU2U|LiveSSP) (.+)$/.exec(request.headers.authorization ?? "") ?? [];
    const user = users.get(socket);
    if (user !== undefined && scheme === "") return void response.end(`served as ${user}`);
    if (step === "one") {
      begun.add(socket);
      return void response.writeHead(401, { "WWW-Authenticate": `${scheme} two` }).end();
    }
    const name = /^three:(\w+)$/.exec(step)?.[1];
    if (name !== undefined && begun.has(socket)) {
      users.set(socket, name);
      authenticated.add(socket);
      socket.on("close", () => authenticated.delete(socket));
      return void response.end(`served as ${name}`);
    }
    response.writeHead(401, [
      ["WWW-Authenticate", "Basic realm=x"],
      ["WWW-Authenticate", offers],
    ]);
    response.end("who are you");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, authenticated };
}

describe.each([{ trusted: [] }, { trusted: ["127.0.0.0/8"] }])("behind trusted proxies $trusted", ({ trusted }) => {
  let upstream: Awaited<ReturnType<typeof startNtlmUpstream>>;
  let gateway: InProcessGateway;
  let alice: string;
  let bob: string;
  beforeAll(async () => {
    upstream = await startNtlmUpstream();
    gateway = await startGatewayInProcess({
      routes: [{ public: [{ method: null, glob: "/pub/**" }], upstreams: [{ url: upstream.url, weight: 1 }] }],
      settings: { trustedProxies: trusted },
    });
    ({ cookie: alice } = await gateway.signIn({ subject: "alice" }));
    ({ cookie: bob } = await gateway.signIn({ subject: "bob" }));
  });
  afterAll(async () => {
    await gateway.close();
    upstream.server.closeAllConnections();
    upstream.server.close();
  });

  const ask = async (client: RawClient, cookie: string | null, authorization: string | null = null, path = "/page") => {
    const fields = [cookie === null ? "" : `Cookie: ${cookie}\r\n`, authorization === null ? "" : `Authorization: ${authorization}\r\n`];
    client.send(`GET ${path} HTTP/1.1\r\nHost: wiki.acme.example\r\n${fields.join("")}\r\n`);
    const answer = await client.answer();
    return `${answer.status} ${answer.headerValues("www-authenticate").join() || answer.text}`;
  };
  const signInAsAlice = async (client: RawClient, scheme: string) => {
    expect(await ask(client, alice)).toBe("401 Basic realm=x,NTLM");
    expect(await ask(client, alice, `${scheme} one`)).toBe(`401 ${scheme} two`);
    expect(await ask(client, alice, `${scheme} three:alice`)).toBe("200 served as alice");
  };

  test.each(["NTLM", "Negotiate"])(
    "a handshake of %s in three steps works, and is good for this client connection alone",
    async (scheme) => {
      const hers = await rawConnect(gateway);
      await signInAsAlice(hers, scheme);
      expect(await ask(hers, alice)).toBe("200 served as alice");
      for (let round = 0; round < 8; round += 1) {
        const his = await rawConnect(gateway);
        expect(await ask(his, bob)).toBe("401 Basic realm=x,NTLM");
        expect(await ask(his, alice)).toBe("401 Basic realm=x,NTLM");
        expect(await ask(his, null, null, "/pub/x")).toBe("401 Basic realm=x,NTLM");
        his.destroy();
      }
      expect(await ask(hers, alice)).toBe("200 served as alice");
      hers.destroy();
    },
  );

  test("visitors who share a client connection (a proxy before us) share no authentication", async () => {
    const shared = await rawConnect(gateway);
    await signInAsAlice(shared, "NTLM");
    expect(await ask(shared, bob)).toBe("401 Basic realm=x,NTLM");
    expect(await ask(shared, null, null, "/pub/x")).toBe("401 Basic realm=x,NTLM");
    expect(await ask(shared, alice)).toBe("200 served as alice");
    shared.destroy();
  });

  test("the upstream connection ends with the client's", async () => {
    const hers = await rawConnect(gateway);
    await signInAsAlice(hers, "NTLM");
    expect(upstream.authenticated.size).toBeGreaterThan(0);
    hers.destroy();
    await eventually(() => expect(upstream.authenticated.size).toBe(0));
  });
});

test("strangers behind a trusted proxy's connection cannot be told apart: nothing is kept for them", async () => {
  const upstream = await startNtlmUpstream();
  const gateway = await startGatewayInProcess({
    routes: [{ public: [{ method: null, glob: "/**" }], upstreams: [{ url: upstream.url, weight: 1 }] }],
    settings: { trustedProxies: ["127.0.0.0/8"] },
  });
  const client = await rawConnect(gateway);
  const send = async (authorization: string) => {
    client.send(`GET / HTTP/1.1\r\nHost: wiki.acme.example\r\n${authorization}\r\n`);
    return (await client.answer()).status;
  };
  expect(await send("Authorization: NTLM one\r\n")).toBe(401);
  expect(await send("Authorization: NTLM three:alice\r\n")).toBe(401);
  expect(await send("")).toBe(401);
  client.destroy();
  await gateway.close();
  upstream.server.closeAllConnections();
  upstream.server.close();
});

test.each(["CredSSP", "PKU2U", "LiveSSP"])("%s binds a connection no less", async (scheme) => {
  const upstream = await startNtlmUpstream(scheme);
  const gateway = await startGatewayInProcess({
    routes: [{ public: [{ method: null, glob: "/**" }], upstreams: [{ url: upstream.url, weight: 1 }] }],
  });
  const send = async (client: RawClient, authorization: string) => {
    client.send(`GET / HTTP/1.1\r\nHost: wiki.acme.example\r\n${authorization}\r\n`);
    return (await client.answer()).status;
  };
  const [hers, his] = [await rawConnect(gateway), await rawConnect(gateway)];
  expect(await send(hers, "")).toBe(401);
  expect(await send(hers, `Authorization: ${scheme} one\r\n`)).toBe(401);
  expect(await send(hers, `Authorization: ${scheme} three:alice\r\n`)).toBe(200);
  for (let round = 0; round < 4; round += 1) expect(await send(his, "")).toBe(401);
  expect(await send(hers, "")).toBe(200);
  for (const client of [hers, his]) client.destroy();
  await gateway.close();
  upstream.server.closeAllConnections();
  upstream.server.close();
});

test("benign twin: Basic and Bearer credentials of the application travel on shared connections", async () => {
  const gateway = await startGatewayInProcess();
  const { cookie } = await gateway.signIn();
  for (const authorization of ["Basic bnRsbTpuZWdvdGlhdGU=", "Bearer ntlm", "Digest username=negotiate"]) {
    const client = await rawConnect(gateway);
    client.send(`GET / HTTP/1.1\r\nHost: wiki.acme.example\r\nCookie: ${cookie}\r\nAuthorization: ${authorization}\r\n\r\n`);
    expect((await client.answer()).status).toBe(200);
    client.destroy();
  }
  expect(new Set(gateway.upstream.requests.map(({ connection }) => connection)).size).toBe(1);
  await gateway.close();
});
