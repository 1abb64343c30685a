import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ownedFolder } from "../../support/owned.ts";
import { answers, peerEnv, startServerProcess } from "../../support/server-process.ts";

const run = promisify(execFile);

/** The version that docs/providers/keycloak.md names. */
const version = "26.7.3";
const artifact = "org.keycloak:keycloak-quarkus-dist";
const archive = join(homedir(), ".m2/repository/org/keycloak/keycloak-quarkus-dist", version, `keycloak-quarkus-dist-${version}.zip`);
const downloadPatienceMs = 120_000;

/** The distribution's archive, or why there is none here: Keycloak is optional, and its absence no failure. */
export async function findKeycloak(): Promise<{ readonly archive: string } | { readonly missing: string }> {
  const java = await run("java", ["-version"]).then(
    ({ stderr }) => Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0),
    () => 0,
  );
  if (java < 17) return { missing: "Keycloak needs Java 17 or newer (default-jre-headless)" };
  if (!(await has("unzip", "-v"))) return { missing: "unzip is not installed" };
  if (existsSync(archive)) return { archive };
  if (!(await has("mvn", "--version"))) return { missing: "Maven, which fetches Keycloak's distribution, is not installed (maven)" };
  const args = ["-B", "-q", "dependency:get", `-Dartifact=${artifact}:${version}:zip`, "-Dtransitive=false"];
  const failure = await run("mvn", args, { timeout: downloadPatienceMs, cwd: homedir() }).then(
    () => null,
    (error: unknown) => String(error),
  );
  return failure === null && existsSync(archive)
    ? { archive }
    : { missing: `Keycloak's distribution cannot be had: ${failure?.slice(0, 300)}` };
}

const has = (program: string, argument: string) =>
  run(program, [argument]).then(
    () => true,
    () => false,
  );

export interface Keycloak {
  readonly origin: string;
  /** Of the realm `acme`. */
  readonly issuer: string;
  /** The admin REST API, below the realm unless the path begins with a slash. A refusal rejects with what Keycloak said. */
  admin(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<unknown>;
  output(): string;
  close(): Promise<void>;
}

export const keycloakIssuer = (port: number) => `http://127.0.0.1:${port}/realms/acme`;

/** Short, so that a session is refreshed after seconds. */
const accessTokenSeconds = 10;

const person = (username: string, firstName: string, lastName: string, groups: readonly string[], emailVerified = true) => ({
  username,
  firstName,
  lastName,
  email: `${username}@acme.example`,
  emailVerified,
  enabled: true,
  groups,
  credentials: [{ type: "password", value: username, temporary: false }],
});

/**
 * Keycloak on loopback with its database in memory, and a realm with alice (two groups), bob (one), carol (none) and dave (whose address is
 * not verified), whose passwords are their names. `hosts` are names of this machine that it calls: Java knows none below `localhost`.
 */
export async function startKeycloak(distribution: string, port: number, hosts: readonly string[]): Promise<Keycloak> {
  const folder = ownedFolder("vestibule-keycloak-");
  await run("unzip", ["-q", distribution, "-d", folder]);
  await writeFile(join(folder, "hosts"), hosts.map((host) => `127.0.0.1 ${host}\n`).join(""));
  const origin = `http://127.0.0.1:${port}`;
  const peer = await startServerProcess({
    command: "sh",
    args: [
      join(folder, `keycloak-${version}`, "bin", "kc.sh"),
      ...["start-dev", "--db=dev-mem", "--http-host=127.0.0.1", `--http-port=${port}`, "--log-level=warn"],
    ],
    cwd: folder,
    folder,
    endBy: "SIGTERM",
    env: peerEnv(folder, {
      KC_BOOTSTRAP_ADMIN_USERNAME: "admin",
      KC_BOOTSTRAP_ADMIN_PASSWORD: "admin",
      // The first compiler only: it is quick at the start, and nothing here runs for long.
      JAVA_OPTS_APPEND: `-XX:TieredStopAtLevel=1 -Xmx512m -Djdk.net.hosts.file=${join(folder, "hosts")}`,
    }),
    ready: () => answers(`${origin}/realms/master`),
    patienceMs: 200_000,
  });
  // An admin's token lives a minute: each call takes its own.
  const admin: Keycloak["admin"] = async (method, path, body) =>
    ask(await adminToken(origin), method, `${origin}/admin/realms${path.startsWith("/") ? path : `/acme/${path}`}`, body);
  await admin("POST", "/", {
    realm: "acme",
    enabled: true,
    sslRequired: "none",
    accessTokenLifespan: accessTokenSeconds,
    groups: [{ name: "staff" }, { name: "admins" }],
    users: [
      person("alice", "Alice", "Archer", ["/staff", "/admins"]),
      person("bob", "Bob", "Baker", ["/staff"]),
      person("carol", "Carol", "Cook", []),
      person("dave", "Dave", "Dunn", ["/staff"], false),
    ],
  });
  return {
    origin,
    issuer: keycloakIssuer(port),
    admin,
    output: peer.output,
    close: async () => void (await peer.stop()),
  };
}

async function adminToken(origin: string): Promise<string> {
  const form = new URLSearchParams({ grant_type: "password", client_id: "admin-cli", username: "admin", password: "admin" });
  const answer = await fetch(`${origin}/realms/master/protocol/openid-connect/token`, { method: "POST", body: form });
  const { access_token: token } = (await answer.json()) as { access_token?: string };
  if (token === undefined) throw new Error(`no admin token: ${answer.status}`);
  return token;
}

async function ask(token: string, method: string, url: string, body: unknown): Promise<unknown> {
  const isText = typeof body === "string";
  const answer = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": isText ? "text/plain" : "application/json" },
    body: body === undefined ? null : isText ? body : JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text.slice(0, 500)}`);
  return text === "" ? null : JSON.parse(text);
}
