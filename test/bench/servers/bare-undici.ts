import { createServer } from "node:http";
import { Pool } from "undici";

// The usual way to forward with undici: one request, its body piped. No identity, no rules, no log.
const [port, upstream] = [Number(process.argv[2]), process.argv[3] ?? ""];
const pool = new Pool(upstream, { connections: 128 });
const hopByHop = new Set(["connection", "keep-alive", "transfer-encoding"]);
const endToEnd = <T>(headers: Record<string, T>) => Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name)));

createServer((request, response) => {
  const body = request.method === "GET" || request.method === "HEAD" ? null : request;
  pool
    .request({ method: request.method ?? "GET", path: request.url ?? "/", headers: endToEnd(request.headers), body })
    .then((answer) => {
      response.writeHead(answer.statusCode, endToEnd(answer.headers));
      answer.body.pipe(response);
    })
    .catch(() => response.writeHead(502).end());
}).listen(port, "127.0.0.1");
