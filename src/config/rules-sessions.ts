import type { Draft } from "./draft.ts";
import type { References } from "./references.ts";
import type { Report } from "./report.ts";
import type { ConfigFile } from "./schema.ts";

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
