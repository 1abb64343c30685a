import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type WebSocket, WebSocketServer } from "ws";
import { type AppPage, appPage } from "./app-page.ts";
import { appStyle } from "./app-style.ts";

export interface DemoApp {
  readonly port: number;
  close(): Promise<void>;
}
export interface DemoAppOptions {
  readonly title: string;
  readonly accent: string;
  readonly port: number;
  /** Path to headline and text; anything else is the first one. */
  readonly pages: Readonly<Record<string, { readonly headline: string; readonly text: string }>>;
  readonly links: AppPage["links"];
}

/**
 * An application that knows nothing of single sign-on: it believes the headers it is sent, and shows them. It has a
 * WebSocket (an echo and a clock) and an event stream, which both end when the visitor's session does.
 */
export async function startDemoApp(options: DemoAppOptions): Promise<DemoApp> {
  const server = createServer((request, response) => answer(options, request, response));
  const sockets = new WebSocketServer({ server, path: "/live/socket" });
  sockets.on("connection", talk);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, "127.0.0.1", resolve);
  });
  return {
    port: options.port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets.clients) socket.terminate();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(options: DemoAppOptions, request: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(request.url ?? "/", "http://app");
  if (pathname === "/live/events") {
    streamEvents(request, response);
    return;
  }
  if (pathname === "/app.css") {
    response.writeHead(200, { "content-type": "text/css", "cache-control": "no-cache" }).end(appStyle(options.accent));
    return;
  }
  if (pathname === "/api/headers") {
    response.writeHead(200, { "content-type": "application/json" }).end(`${JSON.stringify(request.headers, null, 2)}\n`);
    return;
  }
  const [first = { headline: options.title, text: "" }] = Object.values(options.pages);
  const page = options.pages[pathname] ?? first;
  response.writeHead(200, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" });
  response.end(
    appPage({
      title: options.title,
      ...page,
      method: request.method ?? "",
      target: request.url ?? "",
      headers: headerPairs(request.rawHeaders),
      links: options.links,
      live: pathname !== "/logout" && pathname !== "/public",
    }),
  );
}

function headerPairs(raw: readonly string[]): AppPage["headers"] {
  const pairs: { name: string; value: string }[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    // Header values travel as bytes, which Node reads as Latin-1; the gateway writes UTF-8.
    pairs.push({ name: raw[index] ?? "", value: Buffer.from(raw[index + 1] ?? "", "latin1").toString("utf8") });
  }
  return pairs;
}

/** One event a second, until somebody ends it. */
function streamEvents(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  let count = 0;
  const send = () => response.write(`data: ${JSON.stringify({ count: ++count, user: request.headers["remote-user"] ?? null })}\n\n`);
  send();
  const timer = setInterval(send, 1_000);
  response.once("close", () => clearInterval(timer));
}

function talk(socket: WebSocket): void {
  const tell = () => socket.send(JSON.stringify({ clock: new Date().toISOString() }));
  tell();
  const timer = setInterval(tell, 1_000);
  socket.on("message", (data) => socket.send(JSON.stringify({ echo: String(data).slice(0, 200) })));
  socket.on("error", () => {});
  socket.once("close", () => clearInterval(timer));
}
