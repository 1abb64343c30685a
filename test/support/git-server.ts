import { spawnSync } from "node:child_process";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ownedFolder, spawnOwned } from "./owned.ts";

/** Debian's git serving one empty repository at `/project.git`, to whom the gateway names in Remote-User. */
export interface GitServer {
  readonly url: string;
  /** Who asked, and with which Authorization, in order. */
  readonly callers: readonly { readonly user: string | null; readonly authorization: string | null }[];
  close(): Promise<void>;
}

export async function startGitServer(): Promise<GitServer> {
  const folder = ownedFolder("vestibule-git-");
  spawnSync("git", ["init", "--bare", "--quiet", "--initial-branch=main", `${folder}/project.git`]);
  spawnSync("git", ["-C", `${folder}/project.git`, "config", "http.receivepack", "true"]);
  const callers: { user: string | null; authorization: string | null }[] = [];
  const server = createServer((req, res) => {
    callers.push({ user: text(req.headers["remote-user"]), authorization: req.headers.authorization ?? null });
    serve(folder, req, res);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    callers,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const text = (value: string | readonly string[] | undefined) => (typeof value === "string" ? value : null);

/** One request by way of git's own CGI program (RFC 3875). */
function serve(folder: string, req: IncomingMessage, res: ServerResponse): void {
  const [path = "", query = ""] = (req.url ?? "").split("?");
  const cgi = spawnOwned("git", ["http-backend"], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: "1",
      REQUEST_METHOD: req.method,
      PATH_INFO: path,
      QUERY_STRING: query,
      CONTENT_TYPE: req.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: text(req.headers["content-encoding"]) ?? "",
      HTTP_GIT_PROTOCOL: text(req.headers["git-protocol"]) ?? "",
      REMOTE_USER: text(req.headers["remote-user"]) ?? "",
      REMOTE_ADDR: "127.0.0.1",
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  cgi.stdin.on("error", () => {});
  req.pipe(cgi.stdin);
  const parts: Buffer[] = [];
  cgi.stdout.on("data", (part: Buffer) => void parts.push(part));
  cgi.on("close", () => {
    const all = Buffer.concat(parts);
    const end = all.indexOf("\r\n\r\n");
    const fields = all
      .subarray(0, end)
      .toString("latin1")
      .split("\r\n")
      .map((line) => line.split(": ", 2) as [string, string]);
    const status = fields.find(([name]) => name.toLowerCase() === "status")?.[1] ?? "200";
    res.writeHead(Number.parseInt(status, 10), Object.fromEntries(fields.filter(([name]) => name.toLowerCase() !== "status")));
    res.end(all.subarray(end + 4));
  });
}
