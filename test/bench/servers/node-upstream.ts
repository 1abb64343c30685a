import { createServer } from "node:http";

// Where nginx is not installed, the application is a node:http server; it is then the slowest part.
const body = Buffer.alloc(1024, "x");
createServer((_request, response) => {
  response.writeHead(200, { "content-type": "text/plain", "content-length": body.length }).end(body);
}).listen(Number(process.argv[2]), "127.0.0.1");
