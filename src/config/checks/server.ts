import type { Address } from "../../core/settings.ts";
import { isFramingName, isHeaderValue } from "../../lib/header-names.ts";
import { parseAddress, parseNetwork } from "../../lib/networks.ts";
import type { Draft } from "../draft.ts";
import type { Report } from "../problems/report.ts";
import type { ConfigFile } from "../schema/file.ts";
import type { References } from "../values/references.ts";

/** Listeners, admin, origin, locale, and the holes that were opened on purpose. */
export function checkServer(draft: Draft, references: References, report: Report): void {
  checkListeners(draft, report);
  checkAuth(draft, report);
  checkTracing(draft, references, report);
  for (const [at, network] of (draft.trustedProxies ?? []).entries()) {
    if (parseNetwork(network)?.prefixBits === 0) {
      report.warning(["trustedProxies", at], "everybody's X-Forwarded-* are believed: anyone can claim any address");
    }
  }
  for (const [at, network] of (draft.forwardAuth?.peers ?? []).entries()) {
    if (parseNetwork(network)?.prefixBits === 0)
      report.problem(
        ["forwardAuth", "peers", at],
        "everybody could ask, and claim any address: name the proxies that ask, such as 10.0.0.2/32",
      );
  }
  for (const [hole, open] of Object.entries(draft.insecure ?? {})) {
    if (open) report.warning(["insecure", hole], `${hole} is set: ${losses[hole as keyof typeof losses]}`);
  }
}

const losses: Readonly<Record<keyof NonNullable<Draft["insecure"]>, string>> = {
  plainHttp: "sign-in and apps may use http://, and anyone on the way can take over a session",
  httpProviders: "providers may use http://, and anyone on the way can sign in as anyone",
  literalSecrets: "secrets may stand in this file, and whoever reads it has them",
  plainLdap: "passwords may go to a directory in the clear",
  publicEmailDomains: "a provider may own a public mail domain, where anyone can have an address",
  skipUpstreamVerify: "upstream certificates may go unchecked, and anyone on the way can be the app",
};

function checkListeners(draft: Draft, report: Report): void {
  const listeners = draft.listen ?? [];
  for (const [at, listener] of listeners.entries()) {
    const earlier = listeners.slice(0, at).findIndex((other) => overlaps(other.address, listener.address));
    if (earlier >= 0) report.problem(["listen", at, "address"], `this address is already taken by listen[${earlier}]: write another`);
  }
  const admin = draft.admin?.address;
  if (admin === undefined) return;
  const taken = listeners.findIndex((listener) => overlaps(listener.address, admin));
  if (taken >= 0) report.problem(["admin", "address"], `this is also the address of listen[${taken}]: the admin listener needs its own`);
  if (!isLoopback(admin.host)) report.warning(["admin", "address"], "the admin listener can be reached from other machines");
}

/** Two listeners that cannot both be opened. Port 0 is another port each time. */
function overlaps(one: Address, other: Address): boolean {
  if (one.port !== other.port || one.port === 0) return false;
  return one.host === other.host || isWildcard(one.host) || isWildcard(other.host);
}

/** Listens on every address. */
export function isWildcard(host: string): boolean {
  return parseAddress(host)?.words.every((word) => word === 0) ?? false;
}

/** Reached from this machine alone. */
export function isLoopback(host: string): boolean {
  const address = parseAddress(host);
  if (address === null) return host === "localhost" || host.endsWith(".localhost");
  if (address.family === 4) return (address.words[0] ?? 0) >>> 24 === 127;
  return address.words.slice(0, 3).every((word) => word === 0) && address.words[3] === 1;
}

/** A balancer or a port mapping may lead from the one to the other, so this is no fault; where none does, people reach nothing. */
function notePorts(draft: Draft, report: Report): void {
  const { auth } = draft;
  const ports = (draft.listen ?? []).map(({ address }) => address.port);
  if (auth === null || ports.length === 0 || ports.includes(auth.origin.port) || ports.includes(0)) return;
  report.note(
    ["auth", "origin"],
    `visitors come to port ${auth.origin.port}, and no listener has port ${auth.origin.port}: a proxy or a port mapping must lead there, to ${ports.join(" or ")}`,
  );
}

function checkAuth(draft: Draft, report: Report): void {
  if (draft.auth === null) return;
  notePorts(draft, report);
  const { origin } = draft.auth;
  if (origin.scheme !== "https" && draft.insecure?.plainHttp === false) {
    report.problem(["auth", "origin"], "people cannot sign in safely over http://: write https:// (or set insecure.plainHttp)");
  }
}

function checkTracing({ tracing }: Draft, references: References, report: Report): void {
  if (tracing === null) return;
  for (const [name, value] of Object.entries(tracing.headers)) {
    if (!isHeaderValue(references.secret(value).reveal()))
      report.problem(
        ["tracing", "headers", name],
        "what this holds is no header value: printable ASCII in one line, without spaces around it",
      );
    if (isFramingName(name) || name.toLowerCase() === "host")
      report.problemAtKey(["tracing", "headers", name], `${name} belongs to the connection: the gateway writes it`);
  }
  const { protocol, hostname } = new URL(tracing.otlp);
  if (protocol === "http:" && Object.keys(tracing.headers).length > 0 && !isLoopback(hostname.replace(/^\[|\]$/g, "")))
    report.warning(
      ["tracing", "otlp"],
      "the headers go to the collector in the clear: write https://, or reach it over this machine's own address",
    );
}

type SessionsFile = ConfigFile["sessions"];
const minSecretBytes = 32;

/** Limits, secrets and the store. */
export function checkSessions(draft: Draft, references: References, report: Report): void {
  const { sessions } = draft;
  if (sessions === null) return;
  if (sessions.lifetime < sessions.idle) {
    report.problem(["sessions"], "lifetime is shorter than idle: idle could never be reached, write lifetime at least as long as idle");
  }
  checkSecrets(sessions, references, report);
  if (sessions.store === "memory") {
    if (draft.workers !== null && draft.workers !== 1) {
      report.problem(["workers"], "more than 1 worker needs a shared session store: write sessions.store: { redis: … }");
    }
    return;
  }
  checkRedis(sessions.store.redis, references, report);
}

function checkSecrets(sessions: SessionsFile, references: References, report: Report): void {
  for (const [at, reference] of sessions.secret.entries()) {
    const secret = references.secret(reference);
    const bytes = new TextEncoder().encode(secret.reveal()).length;
    // Zero bytes: it could not be read, and that has been said.
    if (bytes > 0 && bytes < minSecretBytes) {
      report.problem(
        ["sessions", "secret", at],
        `this secret has ${bytes} bytes, at least ${minSecretBytes} are needed: make one with openssl rand -base64 32`,
      );
    }
    const twin = sessions.secret.findIndex((other) => bytes > 0 && references.secret(other).equals(secret));
    if (twin >= 0 && twin < at)
      report.problem(["sessions", "secret", at], `this is the same secret as sessions.secret[${twin}]: remove one`);
  }
}

type RedisFile = Exclude<SessionsFile["store"], "memory">["redis"];

function checkRedis(redis: RedisFile, references: References, report: Report): void {
  const path = ["sessions", "store", "redis"];
  if (redis.sentinels !== undefined && redis.name === undefined) report.problem(path, "sentinels need name: the master's name there");
  if (redis.name !== undefined && redis.sentinels === undefined) {
    report.problem([...path, "name"], "name is the master's name at the sentinels: it means nothing without sentinels");
  }
  for (const list of ["sentinels", "cluster"] as const) {
    for (const [at, node] of (redis[list] ?? []).entries()) {
      if (node.port === 0) report.problem([...path, list, at], "port 0 is no port to connect to: write the port");
    }
  }
  if (redis.url === undefined) return;
  const url = references.secret(redis.url).reveal();
  if (url !== "" && !(/^rediss?:\/\//.test(url) && URL.canParse(url))) {
    report.problem([...path, "url"], "this is not a Redis URL: it begins with redis:// or rediss://");
  }
}
