import type { Visitor } from "./visitor.ts";

/** The Cookie header that a visitor would send to a host: for clients that keep no jar of their own. */
export function cookieLine(visitor: Visitor, hostname: string): string {
  return [...visitor.cookies(hostname)].map(([name, value]) => `${name}=${value}`).join("; ");
}
