/** A browser's cookies, host by host, with the rules that matter here: host-only, `__Host-`, Max-Age, deletion. */
export interface CookieJar {
  /** The Cookie header for a host; null when it has none. */
  header(host: string): string | null;
  /** Takes over the Set-Cookie fields of an answer from `host`. Throws for a cookie that a browser would drop. */
  absorb(host: string, setCookies: readonly string[]): void;
  get(host: string, name: string): string | null;
  set(host: string, name: string, value: string): void;
  delete(host: string, name: string): void;
  names(host: string): readonly string[];
  clear(host: string): void;
}

export function createCookieJar(): CookieJar {
  const hosts = new Map<string, Map<string, string>>();
  const of = (host: string) => {
    const cookies = hosts.get(host) ?? new Map<string, string>();
    hosts.set(host, cookies);
    return cookies;
  };
  return {
    header: (host) => {
      const pairs = [...of(host)].map(([name, value]) => `${name}=${value}`);
      return pairs.length === 0 ? null : pairs.join("; ");
    },
    absorb: (host, setCookies) => {
      for (const line of setCookies) keep(of(host), line);
    },
    get: (host, name) => of(host).get(name) ?? null,
    set: (host, name, value) => void of(host).set(name, value),
    delete: (host, name) => void of(host).delete(name),
    names: (host) => [...of(host).keys()],
    clear: (host) => void hosts.delete(host),
  };
}

function keep(cookies: Map<string, string>, line: string): void {
  const [pair = "", ...rest] = line.split(";").map((part) => part.trim());
  const name = pair.slice(0, pair.indexOf("="));
  const attributes = new Map(rest.map((part) => [part.split("=")[0]?.toLowerCase() ?? "", part.split("=")[1] ?? ""]));
  if (pair.length > 4_096) throw new Error(`a cookie of ${pair.length} bytes is dropped by browsers: ${name}`);
  if (attributes.has("domain")) throw new Error(`${name} has a Domain`);
  if (attributes.get("path") !== "/" || !attributes.has("httponly") || attributes.get("samesite") !== "Lax") {
    throw new Error(`a cookie with unexpected attributes: ${line.replace(/=[^;]*/, "=…")}`);
  }
  if (name.startsWith("__Host-") !== attributes.has("secure")) throw new Error(`__Host- and Secure belong together: ${name}`);
  if (attributes.get("max-age") === "0") cookies.delete(name);
  else cookies.set(name, pair.slice(pair.indexOf("=") + 1));
}
