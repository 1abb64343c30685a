import { formatAddress, parseAddress } from "../core/networks.ts";
import { bad, good, type Parsed } from "./parsed.ts";

/** A host name in canonical form (lower case, no trailing dot), an IPv4 address, or an IPv6 address in brackets. */
export function parseHost(text: string): Parsed<string> {
  if (text === "") return bad("a host name is missing here");
  if (text.includes("://")) return bad(`${quoted(text)} is a URL: write the host name alone`);
  if (text.startsWith("[")) return parseBracketed(text);
  if (parseAddress(text) !== null && text.includes(":")) return bad(`${quoted(text)}: write an IPv6 address in brackets, [${text}]`);
  if (/:\d*$/.test(text)) return bad(`${quoted(text)}: write the host name without a port`);
  if (/[/?#@\s]/.test(text)) return bad(`${quoted(text)} is not a host name: write a name such as wiki.acme.example`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what lies outside ASCII is looked for
  if (/[^\u0000-\u007f]/.test(text)) return bad(`${quoted(text)}: write the name in its ASCII form${punycodeOf(text)}`);
  const name = text.toLowerCase().replace(/\.$/, "");
  return isHostName(name) ? good(name) : bad(notAName(text));
}

/** A host of an app: like `parseHost`, and `*.acme.example` for exactly one label. */
export function parseHostPattern(text: string): Parsed<string> {
  if (!text.includes("*")) return parseHost(text);
  if (!text.startsWith("*.") || text.indexOf("*", 1) !== -1) {
    return bad(`${quoted(text)}: a wildcard stands alone as the first label: write *.acme.example`);
  }
  const rest = parseHost(text.slice(2));
  if (!rest.ok) return rest;
  if (rest.value.startsWith("[") || parseAddress(rest.value) !== null) return bad(`${quoted(text)}: an address takes no wildcard`);
  return good(`*.${rest.value}`);
}

/** True when `pattern` (canonical) covers `hostname` (canonical). */
export function coversHost(pattern: string, hostname: string): boolean {
  if (!pattern.startsWith("*.")) return pattern === hostname;
  const dot = hostname.indexOf(".");
  return dot > 0 && hostname.slice(dot + 1) === pattern.slice(2);
}

/** A mail domain in canonical form. */
export function parseMailDomain(text: string): Parsed<string> {
  if (text.startsWith("@")) return bad(`${quoted(text)}: write the domain without the @`);
  if (text.includes("@")) return bad(`${quoted(text)} is an address: write the domain after the @`);
  if (text.includes("*")) return bad(`${quoted(text)}: wildcards are not possible here: list each domain`);
  const host = parseHost(text);
  if (!host.ok) return host;
  if (host.value.startsWith("[") || parseAddress(host.value) !== null) return bad(`${quoted(text)} is not a mail domain`);
  return host;
}

function parseBracketed(text: string): Parsed<string> {
  const inner = /^\[([^\]]*)\](.*)$/.exec(text);
  if (inner?.[2]) return bad(`${quoted(text)}: write the address without a port`);
  const address = parseAddress(inner?.[1] ?? "");
  if (address === null || !inner?.[1]?.includes(":")) return bad(`${quoted(text)} is not an IPv6 address in brackets`);
  // The same spelling that request hosts get; an IPv4-mapped address stays an IPv6 host.
  return good(address.family === 6 ? `[${formatAddress(address)}]` : `[::ffff:${formatAddress(address)}]`);
}

function isHostName(name: string): boolean {
  if (name.length > 253) return false;
  const labels = name.split(".");
  if (!labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))) return false;
  // URL parsers read `10.1` or `0x7f.1` as IPv4 addresses: only the one canonical spelling may stand here.
  const last = labels.at(-1) ?? "";
  return /^(\d+|0x[0-9a-f]*)$/.test(last) ? parseAddress(name) !== null : true;
}

function punycodeOf(text: string): string {
  const host = canonicalUrlHost(text);
  return host === null ? " (punycode, xn--…)" : `, ${host}`;
}

function canonicalUrlHost(host: string): string | null {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : null;
}

function notAName(text: string): string {
  return `${quoted(text)} is not a host name: write letters, digits and hyphens, with dots between, such as wiki.acme.example`;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
