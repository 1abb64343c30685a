import { createServer } from "node:http";

/** The cheapest application, in a process of its own: `node app-process.ts PORT`. */
const body = Buffer.from("hello");
const server = createServer((_, response) => {
  response.writeHead(200, { "content-length": body.length });
  response.end(body);
});
server.keepAliveTimeout = 60_000;
server.listen(Number(process.argv[2]), "127.0.0.1", 4_096);
