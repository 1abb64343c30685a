import { Agent, createServer, ServerResponse } from "node:http";
import { createProxyServer } from "http-proxy-3";

// http-proxy-3 as its README shows it: a connection per request. With "keep-alive", the agent that it leaves to its users.
const [port, upstream] = [Number(process.argv[2]), process.argv[3] ?? ""];
const agent = process.argv[4] === "keep-alive" ? { agent: new Agent({ keepAlive: true, maxSockets: 128 }) } : {};
const proxy = createProxyServer({ target: upstream, ...agent });
proxy.on("error", (_error, _request, response) => {
  if (response instanceof ServerResponse) response.writeHead(502).end();
  else response?.destroy();
});
createServer((request, response) => proxy.web(request, response)).listen(port, "127.0.0.1");
