import { isDeepStrictEqual } from "node:util";
import type { Settings } from "./core/settings.ts";
import { allClaimNames } from "./policy/claim-names.ts";

/** Keys whose change a running process cannot take up: sockets are open, sessions are kept. */
export function needsRestart(started: Settings, next: Settings): readonly string[] {
  // A new cookie name is taken up at once; new secrets are too, but for what the store seals.
  const { cookieName: _before, ...sessionsBefore } = started.sessions;
  const { cookieName: _next, ...sessionsNext } = next.sessions;
  const pairs: [key: string, before: unknown, now: unknown][] = [
    ["listen", started.listen, next.listen],
    ["admin", started.admin, next.admin],
    ["workers", started.workers, next.workers],
    ["log", started.log, next.log],
    ["limits", started.limits, next.limits],
    ["sessions", sessionsBefore, sessionsNext],
  ];
  return pairs.filter(([, before, now]) => !isSame(before, now)).map(([key]) => key);
}

/** Whether a provider would be made the same again: its own settings, and all that it is told of the others. */
export function sameProvider(before: Settings, next: Settings, id: string): boolean {
  const partsOf = (settings: Settings) => ({
    provider: settings.providers.find((provider) => provider.id === id),
    origin: settings.auth.origin,
    insecure: settings.insecure,
    domains: settings.providers.map((provider) => [provider.id, provider.emailDomains]),
    claims: allClaimNames(settings),
  });
  return isSame(partsOf(before), partsOf(next));
}

/** Secrets hide from comparison as they do from printing; here they are looked into. */
export function isSame(before: unknown, now: unknown): boolean {
  return isDeepStrictEqual(reveal(before), reveal(now));
}

function reveal(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("reveal" in value && typeof value.reveal === "function") return { secret: value.reveal() };
  if (Array.isArray(value)) return value.map(reveal);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, reveal(member)]));
}
