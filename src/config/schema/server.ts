import { z } from "zod";
import { isHeaderName } from "../../lib/header-names.ts";
import { parseCollector, parseHost } from "../values/hosts.ts";
import { duration, fileRef, hostPort, key, network, origin, parsed, pem, secret, size, someOf, text } from "../values/schema-values.ts";
import { locale } from "./pages.ts";

const certificate = z.strictObject({
  certificate: key(fileRef(), "PEM file with the certificate and its chain."),
  key: key(fileRef(), "PEM file with the private key."),
});

const listener = z.strictObject({
  address: key(hostPort(), "Address and port, such as 0.0.0.0:8443 or [::1]:8443; port 0 lets the system choose."),
  tls: key(
    z.strictObject({ certificates: key(someOf(certificate, "certificate"), "Chosen by SNI; re-read when the files change.") }).nullable(),
    "Leave out for plain HTTP behind another proxy or in development.",
    null,
  ).optional(),
});

export const listen = key(someOf(listener, "listener").prefault([{ address: "0.0.0.0:8443" }]), "Where visitors connect.");

export const admin = key(
  z
    .strictObject({
      address: key(hostPort().prefault("127.0.0.1:9090"), "Never on a public listener."),
      names: key(
        z.array(parsed(parseHost)).prefault([]),
        "Host names that it answers to, such as the name of its service; addresses and localhost it always answers to.",
      ),
    })
    .prefault({}),
  "Health, metrics and the admin API.",
);

export const workers = key(
  z.union([z.int().min(1).max(1024), z.literal("auto")]).prefault(1),
  'Processes; "auto" is one per core. More than 1 needs a shared session store.',
);

export const trustedProxies = key(z.array(network()).prefault([]), "Networks whose X-Forwarded-* may be believed; empty is nobody.");

export const forwardAuth = key(
  z
    .strictObject({
      peers: key(someOf(network(), "network"), "Networks of the proxies that may ask; their X-Forwarded-* are believed there."),
    })
    .nullable()
    .prefault(null),
  "The same decisions for another proxy's requests, at /_vestibule/forward-auth/<nginx|traefik|caddy|haproxy|envoy|apache>; null = no proxy may ask.",
);

export const log = key(
  z
    .strictObject({
      level: key(z.enum(["trace", "debug", "info", "warn", "error"]).prefault("info"), "The least severe level that is written."),
      format: key(z.enum(["json", "pretty"]).prefault("json"), "json, one object per line, or pretty for people."),
    })
    .prefault({}),
  "Logs on standard output.",
);

export const audit = key(
  z
    .strictObject({
      file: key(
        z
          .strictObject({ file: key(z.string().min(1, { error: "this is not a path" }), "The path; made when it is not there.") })
          .nullable()
          .prefault(null),
        "A file for audit events beside standard output, opened again on SIGHUP.",
      ),
    })
    .prefault({}),
  "Who signed in, was refused, and ended what.",
);

export const tracing = key(
  z
    .strictObject({
      otlp: key(parsed(parseCollector), "The collector's OTLP/HTTP address, such as https://collector:4318; /v1/traces is added."),
      sample: key(
        z.number().min(0).max(1).prefault(0.1),
        "The share of traces that begin here and are recorded, 0 to 1. What a trusted proxy decided before stays as it is.",
      ),
      headers: key(
        z.record(z.string().refine(isHeaderName, { error: "this is not a header name" }), secret()).prefault({}),
        "Sent with every export, such as Authorization; values are { env } or { file }.",
      ),
    })
    .nullable()
    .prefault(null),
  "Traces of requests and logins, sent to an OpenTelemetry collector; null = none.",
);

const hole = (what: string) => key(z.boolean().prefault(false), what);
export const insecure = key(
  z
    .strictObject({
      plainHttp: hole("auth.origin and app origins may be http://: cookies lose __Host- and Secure, anyone on the way can take a session."),
      httpProviders: hole("Issuers, metadata and their endpoints may be http://: anyone on the way can sign in as anyone."),
      literalSecrets: hole("Secrets may stand in the file: whoever reads it has them."),
      plainLdap: hole("ldap:// without TLS: passwords can be read on the way."),
      publicEmailDomains: hole("gmail.com and the like may be owned by a provider: anyone can have an address there."),
      skipUpstreamVerify: hole("proxy.tls.insecureSkipVerify may be used: the upstream may be anybody."),
    })
    .prefault({}),
  "Each key, set to true, opens one hole on purpose and is logged at every start.",
);

const headerFields = () => z.int().min(10).max(10_000);
const headerBytes = () => size().refine((bytes) => bytes >= 1024 && bytes <= 1024 ** 2, { error: "write 1KiB to 1MiB" });
const targetBytes = () => size().refine((bytes) => bytes >= 256 && bytes <= 256 * 1024, { error: "write 256B to 256KiB" });
const saysOfHeads = {
  headerFields: "Header fields of a request; more are 431.",
  headerBytes: "All header fields of a request together; more is 431.",
  targetBytes: "Path and query of a request; longer is 414.",
};

/** What an app may say of its own requests; what it leaves out is as for all. */
export const headLimitsOfApp = () =>
  z.strictObject({
    headerFields: key(headerFields(), saysOfHeads.headerFields).optional(),
    headerBytes: key(headerBytes(), saysOfHeads.headerBytes).optional(),
    targetBytes: key(targetBytes(), saysOfHeads.targetBytes).optional(),
  });

const amount = (preset: number, what: string) => key(z.int().min(1).max(1_000_000).prefault(preset), what);
export const limits = key(
  z
    .strictObject({
      connections: amount(20_000, "Open at once for each listener and process; further ones are closed as they come."),
      connectionsPerAddress: key(
        z.int().min(1).max(1_000_000).nullable().prefault(null),
        "The same for one address (IPv6: one /64), trustedProxies aside; null is half of connections.",
      ),
      requests: amount(10_000, "Under way at once in each process; further ones get 503 with Retry-After. WebSockets do not count."),
      loginsPerAddress: amount(
        6000,
        "Requests to the login endpoints a minute from one address (IPv6: one /64), over all processes; further ones get 429 with Retry-After.",
      ),
      loginsPerAddressAtOnce: amount(100, "The same, at once in each process."),
      headerFields: key(headerFields().prefault(100), saysOfHeads.headerFields),
      headerBytes: key(headerBytes().prefault("16KiB"), saysOfHeads.headerBytes),
      targetBytes: key(targetBytes().prefault("8KiB"), saysOfHeads.targetBytes),
    })
    .prefault({}),
  "What is taken on before it is refused. Behind a balancer, name it in trustedProxies: else all visitors share its address.",
);

export const auth = key(
  z.strictObject({
    origin: key(origin(), "Where people sign in; provider callbacks live here, and only here."),
    locale,
  }),
  "Where and how people sign in.",
);

const redisTls = z.union([
  z.boolean(),
  z.strictObject({
    ca: key(pem().nullable().prefault(null), "Certificates that may have signed the server's; the system's when left out."),
    serverName: key(text().nullable().prefault(null), "Name to expect in the server's certificate."),
  }),
]);
const redis = z
  .strictObject({
    url: key(secret(), "One server: a redis:// or rediss:// URL.").optional(),
    sentinels: key(someOf(hostPort(), "sentinel"), "Sentinels as host:port; needs name.").optional(),
    name: key(text(), "The master's name at the sentinels.").optional(),
    cluster: key(someOf(hostPort(), "node"), "Nodes of a cluster as host:port.").optional(),
    username: key(text().nullable().prefault(null), "ACL user."),
    password: key(secret().nullable().prefault(null), "Password of the user."),
    tls: key(redisTls.nullable().prefault(null), "true, or { ca, serverName }."),
    keyPrefix: key(
      z
        .string()
        .regex(/^[!-~]{0,64}$/, { error: "a key prefix is up to 64 ASCII characters without spaces" })
        .prefault("vestibule:"),
      "In front of every key.",
    ),
  })
  .refine((value) => [value.url, value.sentinels, value.cluster].filter((target) => target !== undefined).length === 1, {
    error: "exactly one of url, sentinels and cluster is needed",
  });

export const sessions = key(
  z
    .strictObject({
      store: key(
        z.union([z.literal("memory"), z.strictObject({ redis: key(redis, "Sessions in Redis.") })]).prefault("memory"),
        "memory, or { redis: … }.",
      ),
      secret: key(
        someOf(secret(), "secret").prefault([{ env: "VESTIBULE_SECRET" }]),
        "Newest first; every one decrypts, the first encrypts: rotation without logout. At least 32 bytes each: openssl rand -base64 32.",
      ),
      idle: key(
        duration({ min: "1s" }).prefault("30m"),
        "Since the last request. What moves on an open WebSocket, event stream or download is none, and these end with the session.",
      ),
      lifetime: key(duration({ min: "1s" }).prefault("12h"), "Since login, never extended."),
      perUser: key(z.int().min(1).max(10_000).prefault(20), "The oldest ends when one more begins."),
      whenStoreIsDown: key(
        z
          .strictObject({
            grace: key(
              duration({ min: "0s", max: "5m" }).prefault("10s"),
              "How long a session verified just before is still believed; 0s refuses at once.",
            ),
          })
          .prefault({}),
        "What holds while the store does not answer.",
      ),
      cookie: key(
        z
          .strictObject({
            name: key(
              z
                .string()
                .refine((name) => isHeaderName(name) && name.length <= 64, { error: "a cookie name is letters, digits, - and _" })
                .refine((name) => !name.startsWith("__"), { error: "write the name without __Host-: it is added over https" })
                .prefault("vestibule"),
              "Becomes __Host-vestibule over https.",
            ),
          })
          .prefault({}),
        "The session cookie.",
      ),
    })
    .prefault({}),
  "The gateway's own record of logins.",
);
