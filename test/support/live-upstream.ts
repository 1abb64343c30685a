import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";

/** An application with a WebSocket that echoes with the caller's name, and an event stream that ticks. */
export interface LiveUpstream {
  readonly url: string;
  /** WebSockets ever opened. */
  sockets(): number;
  close(): Promise<void>;
}

export async function startLiveUpstream(): Promise<LiveUpstream> {
  let opened = 0;
  const timers = new Set<NodeJS.Timeout>();
  const server = createServer((request, response) => {
    if (request.url !== "/events") return void response.end("live");
    response.writeHead(200, { "content-type": "text/event-stream" });
    const timer = setInterval(() => response.write(`data: ${request.headers["remote-user"]}\n\n`), 50);
    timers.add(timer);
    response.on("close", () => clearInterval(timer));
  });
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket, request) => {
    opened += 1;
    socket.on("error", () => {});
    socket.on("message", (data) => socket.send(`${request.headers["remote-user"]}: ${data}`));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets: () => opened,
    close: () => {
      for (const timer of timers) clearInterval(timer);
      for (const socket of sockets.clients) socket.terminate();
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}
