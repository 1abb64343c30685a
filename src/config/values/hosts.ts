import { type Origin, socketScheme } from "../../core/origin.ts";
import type { Address } from "../../core/settings.ts";
import { formatAddress, parseAddress } from "../../lib/networks.ts";
import { bad, good, type Parsed } from "./amounts.ts";

/** `host:port` to listen on or connect to: `0.0.0.0:8443`, `[::1]:8443`, `127.0.0.1:0`. The host comes out without brackets. */
export function parseHostPort(text: string): Parsed<Address> {
  const match = /^(.*):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2] ?? (/^\d+$/.test(text) ? text : Number.NaN));
  if (match === null || match[1] === "") {
    const example = Number.isNaN(port) ? "0.0.0.0:8443" : `0.0.0.0:${port}`;
    return bad(`${JSON.stringify(text)} is not host:port: write an address and a port, such as ${example}`);
  }
  if (port > 65535) return bad(`${JSON.stringify(text)}: a port is at most 65535`);
  const host = parseHost(match[1] ?? "");
  if (!host.ok) return bad(`${host.why} (expected host:port, such as 0.0.0.0:8443 or [::1]:8443)`);
  return good({ host: host.value.replace(/^\[|\]$/g, ""), port });
}

/** A bare web origin: `https://auth.acme.example` or with a port. */
export function parseOrigin(text: string): Parsed<Origin> {
  const variable = variableIn(text);
  if (variable !== null) return bad(notExpanded(variable));
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/i.exec(text);
  const scheme = match?.[1]?.toLowerCase();
  if (match === null || (scheme !== "https" && scheme !== "http")) {
    return bad("this is not an origin: write scheme and host, such as https://auth.acme.example");
  }
  if (match[2]?.includes("@")) return bad("an origin holds no user name or password: write scheme and host only");
  if (match[3] !== "") return bad(`an origin has no path, query or trailing slash: write ${scheme}://${match[2]}`);
  const split = /^(.*?)(?::(\d{1,5}))?$/.exec(match[2] ?? "");
  const host = parseHost(split?.[1] ?? "");
  if (!host.ok) return host;
  const port = split?.[2] === undefined ? (scheme === "https" ? 443 : 80) : Number(split[2]);
  if (port < 1 || port > 65535) return bad("a port is 1 to 65535");
  return good({ scheme, hostname: host.value, port });
}

/** An upstream's origin as text: no path, no credentials. Where the path must change, `routes` and `stripPath` say so. Or a socket file. */
export function parseUpstreamUrl(text: string): Parsed<string> {
  if (/^(?:https?:\/\/)?unix:\/|^unix[:/@]/i.test(text)) return parseSocketUrl(text);
  const url = readUrl(text, "http://10.0.0.5:8080");
  if (!url.ok) return url;
  const { pathname, search, hash, origin } = url.value;
  // What URL parsers take for a host may be none: `http://a..b`, `http://x{y}`.
  const host = parseHost(url.value.hostname);
  if (!host.ok) return host;
  if (search !== "" || hash !== "" || /[?#]/.test(text)) return bad("an upstream has no query or fragment: write scheme, host and port");
  if (pathname !== "/") {
    return bad(`an upstream has no path: write ${origin}, and use routes with path and stripPath where the path must change`);
  }
  return good(origin);
}

/** `sun_path` holds 108 bytes, the last of which is zero (unix(7)). */
const longestSocketPath = 107;

/** `unix:///run/app.sock`: an absolute path, byte for byte what the file is called. */
function parseSocketUrl(text: string): Parsed<string> {
  const variable = variableIn(text);
  if (variable !== null) return bad(notExpanded(variable));
  const path = text.startsWith(`${socketScheme}/`) ? text.slice(socketScheme.length) : null;
  if (path === null) return bad("a socket file is written with its absolute path: unix:///run/app.sock");
  if (!/^[!-~]+$/.test(path) || /[%?#]/.test(path)) return bad("the path of a socket file has no spaces, escapes, query or fragment");
  if (/\/(?:\.{1,2})?(?:\/|$)/.test(path)) return bad("the path of a socket file has no empty or dot segments, and no slash at its end");
  if (path.length > longestSocketPath) return bad(`the path of a socket file is at most ${longestSocketPath} bytes long`);
  return good(socketScheme + path);
}

/** Where a link of a page leads: https, http or an e-mail address. Anything else could run as a script. */
export function parsePageUrl(text: string): Parsed<string> {
  const isMail = /^mailto:[^\s@]+@[^\s@]+$/i.test(text);
  if (isMail || (/^https?:\/\/[^/\s]/i.test(text) && !/\s/.test(text) && URL.canParse(text))) return good(text);
  return bad("a link leads to https://, http:// or mailto:");
}

/** The URL of something at a provider (issuer, metadata, endpoints), unchanged: issuers are compared byte for byte. */
export function parseProviderUrl(text: string): Parsed<string> {
  const url = readUrl(text, "https://login.acme.example");
  if (!url.ok) return url;
  if (url.value.hash !== "" || text.includes("#")) return bad("this URL may not have a fragment (#…)");
  return good(text);
}

/** A collector's address as OTLP/HTTP has it: the path of traces is added where it is not there. */
export function parseCollector(text: string): Parsed<string> {
  const url = readUrl(text, "https://collector.acme.example:4318");
  if (!url.ok) return url;
  const { origin, pathname, search, hash } = url.value;
  if (search !== "" || hash !== "" || text.includes("#")) return bad("this address may not have a query or a fragment");
  const base = pathname.replace(/\/+$/, "");
  return good(`${origin}${base.endsWith("/v1/traces") ? base : `${base}/v1/traces`}`);
}

/** Never repeats the text: it may hold a password. */
function readUrl(text: string, example: string): Parsed<URL> {
  const variable = text.includes("@") ? null : variableIn(text);
  if (variable !== null) return bad(notExpanded(variable));
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if ((scheme !== "http" && scheme !== "https") || /\s/.test(text) || text.includes("\\") || !URL.canParse(text)) {
    return bad(`this is not a URL with http:// or https://: write, for example, ${example}`);
  }
  const url = new URL(text);
  if (url.username !== "" || url.password !== "" || text.split("/")[2]?.includes("@")) {
    return bad("credentials do not belong in this URL: remove the part before the @");
  }
  if (url.hostname === "" || url.port === "0") return bad("this URL has no usable host and port");
  return good(url);
}

/** A host name in canonical form (lower case, no trailing dot), an IPv4 address, or an IPv6 address in brackets. */
export function parseHost(text: string): Parsed<string> {
  if (text === "") return bad("a host name is missing here");
  const variable = variableIn(text);
  if (variable !== null) return bad(notExpanded(variable));
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

/** The first thing that looks like a variable of a shell, a template or Windows; null without one. */
export function variableIn(text: string): string | null {
  return /\$\{[^}]*\}|\$\([^)]*\)|\{\{[^}]*\}\}|\$[A-Z_][A-Z0-9_]*\b|%[A-Z_][A-Z0-9_]*%|<%[^%]*%>/.exec(text)?.[0] ?? null;
}

/** What to write instead of a variable. */
export function notExpanded(variable: string): string {
  return `${quoted(variable)} stands here as it is: variables are not expanded in this file; write the value, or make the file with envsubst before the start`;
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
