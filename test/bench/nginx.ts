import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type MeasuredServer, startServer } from "./measured-server.ts";

/** The application that is protected: nginx that answers 1 KiB from memory, so that the proxies are what is measured. */
export function startNginxUpstream(port: number, folder: string): Promise<MeasuredServer> {
  const answer = `default_type text/plain; return 200 "${"x".repeat(1024)}";`;
  return startNginx("upstream", port, folder, `access_log off; location / { ${answer} }`, "");
}

/** nginx as the plainest proxy there is: one worker, kept-alive upstream connections, an access line per request like the gateway. */
export function startNginxProxy(port: number, upstreamPort: number, folder: string): Promise<MeasuredServer> {
  const location = `location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }`;
  const pool = `upstream app { server 127.0.0.1:${upstreamPort}; keepalive 128; keepalive_requests 100000000; }`;
  return startNginx("nginx", port, folder, `access_log ${join(folder, "nginx.access")}; ${location}`, pool);
}

function startNginx(name: string, port: number, parent: string, server: string, http: string): Promise<MeasuredServer> {
  const folder = join(parent, name);
  mkdirSync(folder, { recursive: true });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${join(folder, kind)};`)
    .join(" ");
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const file = join(folder, "nginx.conf");
  writeFileSync(
    file,
    `daemon off; worker_processes 1; ${user} pid ${join(folder, "pid")}; error_log ${join(folder, "error.log")};
    events { worker_connections 2048; }
    http { ${temporary} keepalive_requests 100000000; ${http}
      server { listen 127.0.0.1:${port}; ${server} } }`,
  );
  return startServer("nginx", ["-e", join(folder, "error.log"), "-p", folder, "-c", file], port, join(folder, "output"));
}
