import { connect, isIP } from "node:net";
import { connect as connectTls } from "node:tls";
import { upstreamAddress } from "../core/origin.ts";
import type { ProxySettings } from "../core/settings.ts";
import { connectionCure, upstreamKeys } from "../lib/connection-cures.ts";

/** Opens a connection to an upstream as the gateway would, with TLS where configured, and closes it. Sends nothing. */
export function probeUpstream(text: string, proxy: ProxySettings): Promise<{ readonly ok: boolean; readonly detail: string }> {
  const { url, socketPath } = upstreamAddress(text);
  const started = performance.now();
  const secure = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  return new Promise((resolve) => {
    const socket = secure
      ? connectTls({
          host,
          port,
          // An address is no server name (RFC 6066 3).
          servername: proxy.tls.serverName ?? (isIP(host) === 0 ? host : ""),
          rejectUnauthorized: !proxy.tls.insecureSkipVerify,
          ...(proxy.tls.ca === null ? {} : { ca: proxy.tls.ca }),
          ...(proxy.tls.certificate === null ? {} : { cert: proxy.tls.certificate }),
          ...(proxy.tls.key === null ? {} : { key: proxy.tls.key.reveal() }),
        })
      : connect(socketPath === null ? { host, port } : { path: socketPath });
    const settle = (ok: boolean, detail: string) => {
      socket.destroy();
      resolve({ ok, detail });
    };
    socket.setTimeout(proxy.connectTimeoutMs, () => settle(false, `no answer within ${proxy.connectTimeoutMs} ms`));
    socket.once("error", (error: NodeJS.ErrnoException) => settle(false, failureWords(error)));
    socket.once(secure ? "secureConnect" : "connect", () => settle(true, `connected in ${Math.round(performance.now() - started)} ms`));
  });
}

function failureWords(error: NodeJS.ErrnoException): string {
  const code = error.code ?? "";
  const cure = connectionCure(code, upstreamKeys);
  const what = error.message.trim() || code;
  return cure === null ? what : `${what}; ${cure}`;
}
