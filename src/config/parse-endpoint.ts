import type { Origin } from "../core/origin.ts";
import type { Address } from "../core/settings.ts";
import { parseHost } from "./parse-host.ts";
import { bad, good, type Parsed } from "./parsed.ts";

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

/** An upstream's origin as text: no path, no credentials. Where the path must change, `routes` and `stripPath` say so. */
export function parseUpstreamUrl(text: string): Parsed<string> {
  const url = readUrl(text);
  if (!url.ok) return url;
  const { pathname, search, hash, origin } = url.value;
  if (search !== "" || hash !== "" || /[?#]/.test(text)) return bad("an upstream has no query or fragment: write scheme, host and port");
  if (pathname !== "/") {
    return bad(`an upstream has no path: write ${origin}, and use routes with path and stripPath where the path must change`);
  }
  return good(origin);
}

/** The URL of something at a provider (issuer, metadata, endpoints), unchanged: issuers are compared byte for byte. */
export function parseProviderUrl(text: string): Parsed<string> {
  const url = readUrl(text);
  if (!url.ok) return url;
  if (url.value.hash !== "" || text.includes("#")) return bad("this URL may not have a fragment (#…)");
  return good(text);
}

/** Never repeats the text: it may hold a password. */
function readUrl(text: string): Parsed<URL> {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if ((scheme !== "http" && scheme !== "https") || /\s/.test(text) || text.includes("\\") || !URL.canParse(text)) {
    return bad("this is not a URL with http:// or https://: write, for example, http://10.0.0.5:8080");
  }
  const url = new URL(text);
  if (url.username !== "" || url.password !== "" || text.split("/")[2]?.includes("@")) {
    return bad("credentials do not belong in this URL: remove the part before the @");
  }
  if (url.hostname === "" || url.port === "0") return bad("this URL has no usable host and port");
  return good(url);
}
