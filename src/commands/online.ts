import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import type { LoginProvider } from "../core/ports/login-provider.ts";
import type { Store } from "../core/ports/store.ts";
import type { ProxySettings, Settings } from "../core/settings.ts";

/** What one reach for the outside gave. */
export interface OnlineResult {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
}

/**
 * Reaches out once to every provider, every upstream and the session store, and reports each as soon as it is known.
 * Nothing is sent to upstreams: a connection (with TLS where configured) is opened and closed.
 */
export async function checkOnline(
  settings: Settings,
  parts: { readonly providers: Iterable<LoginProvider>; readonly store: Store },
  report: (result: OnlineResult) => void,
): Promise<boolean> {
  const tell = async (what: string, probe: Promise<{ ok: boolean; detail: string }>) => {
    const result = { what, ...(await probe) };
    report(result);
    return result.ok;
  };
  const reached = await Promise.all([
    ...[...parts.providers].map((provider) => tell(`provider ${provider.id}`, provider.probe())),
    ...upstreamsOf(settings).map(({ url, proxy }) => tell(`upstream ${url}`, probeUpstream(new URL(url), proxy))),
    tell(`sessions in ${settings.sessions.store.kind}`, probeStore(parts.store)),
  ]);
  return reached.every((ok) => ok);
}

/** Each upstream once, however many routes share it with the same TLS options. */
function upstreamsOf(settings: Settings): { url: string; proxy: ProxySettings }[] {
  const found = new Map<string, { url: string; proxy: ProxySettings }>();
  for (const route of settings.apps.flatMap((app) => app.routes)) {
    for (const { url } of route.upstreams) found.set(`${url} ${JSON.stringify(route.proxy.tls)}`, { url, proxy: route.proxy });
  }
  return [...found.values()];
}

function probeUpstream(url: URL, proxy: ProxySettings): Promise<{ ok: boolean; detail: string }> {
  const started = performance.now();
  const secure = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  return new Promise((resolve) => {
    const socket = secure
      ? connectTls({
          host,
          port,
          servername: proxy.tls.serverName ?? host,
          rejectUnauthorized: !proxy.tls.insecureSkipVerify,
          ...(proxy.tls.ca === null ? {} : { ca: proxy.tls.ca }),
          ...(proxy.tls.certificate === null ? {} : { cert: proxy.tls.certificate }),
          ...(proxy.tls.key === null ? {} : { key: proxy.tls.key.reveal() }),
        })
      : connect({ host, port });
    const settle = (ok: boolean, detail: string) => {
      socket.destroy();
      resolve({ ok, detail });
    };
    socket.setTimeout(proxy.connectTimeoutMs, () => settle(false, `no answer within ${proxy.connectTimeoutMs} ms`));
    socket.once("error", (error) => settle(false, error.message === "" ? String((error as NodeJS.ErrnoException).code) : error.message));
    socket.once(secure ? "secureConnect" : "connect", () => settle(true, `connected in ${Math.round(performance.now() - started)} ms`));
  });
}

/** Writes and reads back one short-lived fact: proves address, credentials and permissions at once. */
async function probeStore(store: Store): Promise<{ ok: boolean; detail: string }> {
  try {
    const handle = await store.facts.park("check", "online", 5_000);
    const back = await store.facts.unpark("check", handle);
    return back === "online" ? { ok: true, detail: "writes and reads" } : { ok: false, detail: "what was written did not come back" };
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}
