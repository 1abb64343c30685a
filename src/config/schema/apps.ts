import { z } from "zod";
import { isHeaderName, isHeaderValue } from "../../lib/header-names.ts";
import { parseHostPattern, parseUpstreamUrl } from "../values/hosts.ts";
import { parseMethod, parsePathSpec, parseRoutePath } from "../values/paths.ts";
import { duration, key, origin, parsed, pem, secret, secretReference, size, someOf, text } from "../values/schema-values.ts";
import { ruleList } from "./access.ts";
import { appPortal } from "./console.ts";
import { defaultIdentityHeaders, type HeaderPreset, headerPresets } from "./header-presets.ts";
import { headLimitsOfApp } from "./server.ts";

const upstream = z.union([
  parsed(parseUpstreamUrl).transform((url) => [{ url, weight: 1 }]),
  someOf(
    z.strictObject({
      url: key(parsed(parseUpstreamUrl), "Scheme, host and port, or unix:// and the path of a socket file."),
      weight: key(z.int().min(1).max(1000).prefault(1), "Share of the requests, relative to the others."),
    }),
    "upstream",
  ),
]);

const headerName = z
  .string()
  .refine(isHeaderName, { error: "this is not a header name: write letters, digits and hyphens, such as Remote-User" });
const headerValue = z
  .string()
  .refine(isHeaderValue, { error: "a header value is printable ASCII without line breaks or spaces around it" });
const basic = z.strictObject({
  user: key(z.string().regex(/^[^:\p{Cc}]{1,200}$/u, { error: "a user name has no colon and no control characters" }), "Who signs in."),
  password: key(secret(), "Their password."),
});
const requestValue = z.union([
  headerValue.transform((text) => ({ kind: "text" as const, text })),
  z
    .strictObject({ basic: key(basic, "Authorization of the Basic scheme.") })
    .transform((value) => ({ kind: "basic" as const, basic: value.basic })),
  secretReference(),
]);
const edits = <V extends z.ZodType>(value: V) =>
  z.strictObject({
    remove: key(z.array(headerName), "Names to remove.", []).optional(),
    set: key(z.record(headerName, value), "Names and the values they get.", {}).optional(),
  });

const memberPattern = text().refine((name) => !/.\*./.test(name), { error: "* stands at the start or at the end of a name" });

const identityHeader = z.union([
  headerValue.transform((value) => ({ value, separator: ",", only: null })),
  z.strictObject({
    value: key(
      headerValue,
      "Template: {subject}, {email}, {name}, {groups}, {provider}, {person}, {roles}, {teams}, {manager}, {extra.x}, {accessToken}, {idToken}.",
    ),
    separator: key(
      z
        .string()
        .regex(/^[ -~]{1,16}$/, { error: "a separator is 1 to 16 printable ASCII characters" })
        .prefault(","),
      "Between the members of a list.",
    ),
    only: key(someOf(memberPattern, "name").nullable().prefault(null), "Keep members that match one of these, such as app-*."),
  }),
]);

const presetNames = Object.keys(headerPresets) as [HeaderPreset, ...HeaderPreset[]];

const headers = z.strictObject({
  preset: key(
    z.enum(presetNames).nullable(),
    "The header names that a well-known application reads (docs/apps); set is laid over them.",
    null,
  ).optional(),
  set: key(z.record(headerName, identityHeader), "Identity headers; replaces the default set.", defaultIdentityHeaders).optional(),
  encoding: key(z.enum(["utf8", "percent", "rfc8187"]), "How non-ASCII values travel.", "utf8").optional(),
  assertion: key(
    z.strictObject({ header: key(headerName, "Name of the header that carries it.") }).nullable(),
    "Signed JWT about the visitor, audience = the host, 60 s.",
    null,
  ).optional(),
  request: key(edits(requestValue), "Plain edits of what goes to the app; a value may be { env }, { file } or { basic }.").optional(),
  response: key(edits(headerValue), "Plain edits of what comes back.").optional(),
});

/** Those of them that have a default of their own. */
export const simpleHeaders = headers.pick({ encoding: true, assertion: true });

export const upstreamTls = z.strictObject({
  ca: key(pem().nullable(), "Certificates that may have signed the upstream's; the system's when left out.", null).optional(),
  certificate: key(pem().nullable(), "Ours, where the upstream asks for one.", null).optional(),
  key: key(secret().nullable(), "Its private key.", null).optional(),
  serverName: key(text().nullable(), "Name to expect in the upstream's certificate.", null).optional(),
  insecureSkipVerify: key(z.boolean(), "Accept any certificate; needs insecure.skipUpstreamVerify.", false).optional(),
});

export const proxy = z.strictObject({
  preserveHost: key(z.boolean(), "Send the visitor's Host, not the upstream's.", true).optional(),
  websocket: key(z.boolean(), "Let WebSocket handshakes through.", true).optional(),
  connectTimeout: key(duration({ max: "5m" }), "For the connection to the upstream, TLS included.", "5s").optional(),
  headersTimeout: key(duration({ max: "1d" }), "Until the upstream's response begins.", "60s").optional(),
  idleTimeout: key(
    duration({ min: "0s", max: "7d" }),
    "Silence in either direction; 0s for none (event streams, long polls).",
    "60s",
  ).optional(),
  keepAlive: key(
    duration({ min: "0s", max: "1h" }),
    "How long an idle connection to the upstream may be used again; 0s = never.",
    "4s",
  ).optional(),
  maxRequestBody: key(size().nullable(), "Larger bodies are refused; null for no limit.", null).optional(),
  rewriteDestination: key(
    z.boolean(),
    "Write the Destination of COPY and MOVE as this upstream is reached; false: as visitors reach it.",
    true,
  ).optional(),
  sharedCaches: key(
    z.boolean(),
    "true: caches in front may keep what the app calls public although visitors had to sign in; false: it becomes private.",
    false,
  ).optional(),
  tls: key(upstreamTls, "TLS towards the upstream.").optional(),
});

const preflight = z.strictObject({
  origins: key(someOf(origin(), "origin"), "Origins whose pages may call the app."),
  methods: key(someOf(parsed(parseMethod), "method").prefault(["GET", "POST"]), "Methods that they may use."),
  headers: key(z.array(headerName).prefault([]), "Header fields that they may send."),
  credentials: key(z.boolean().prefault(true), "Whether the visitor's cookies come along."),
  maxAge: key(duration({ min: "0s", max: "1d" }).prefault("10m"), "How long browsers remember the answer."),
});

const pathSpecs = () => z.array(parsed(parsePathSpec));

/** What an app says for all its routes, and each route may say differently. */
const inheritable = {
  upstream: key(upstream, "Where requests go: a URL, or a list of { url, weight }.").optional(),
  access: key(z.union([text(), ruleList()]), "A policy's name, or rules; first match wins; no match = refused.").optional(),
  public: key(pathSpecs(), "No identity needed and none sent.", []).optional(),
  optional: key(pathSpecs(), "Identity sent when there is one, no login forced.", []).optional(),
  bearer: key(z.array(text()), "Providers whose bearer JWTs are accepted.", []).optional(),
  basicChallenge: key(
    z.boolean(),
    "A 401 asks programs for Basic as well: git, WebDAV and registry clients then send a token as the password. Never to a browser.",
    false,
  ).optional(),
  headers: key(headers, "Identity headers and plain edits.").optional(),
  preflight: key(preflight.nullable(), "CORS preflights that the gateway answers itself, without a login.", null).optional(),
  enforce: key(z.boolean(), "false = shadow: log what would have been refused, let signed-in visitors pass.", true).optional(),
  proxy: key(proxy, "How requests are passed on.").optional(),
  stripPath: key(z.boolean(), "Remove the route's path before passing on.", false).optional(),
};

/** Those of them that have a default of their own. */
export const simpleSettings = z.strictObject(inheritable).omit({ upstream: true, access: true, headers: true, proxy: true });

const route = z.strictObject({
  path: key(parsed(parseRoutePath), "Prefix on segment borders; the longest wins."),
  ...inheritable,
});

/** One app, whatever hosts it names: what the meaning pass makes of a misshapen one. */
export const appShape = z.strictObject({
  name: key(text(), "For the portal and the pages; default: the host.").optional(),
  host: key(parsed(parseHostPattern), "*.acme.example matches one label; the most specific host wins.").optional(),
  hosts: key(someOf(parsed(parseHostPattern), "host"), "Several hosts instead of one.").optional(),
  origin: key(origin().nullable().prefault(null), "As visitors see it; default: auth.origin's scheme and port with this host."),
  providers: key(someOf(text(), "provider"), "Default: all; one = straight there, several = by e-mail domain, else a chooser.").optional(),
  sharedSubjects: key(z.boolean().prefault(false), "true: these providers mean the same person by the same subject."),
  ...inheritable,
  routes: key(z.array(route).prefault([]), "Longer path prefix wins; each inherits what it does not say."),
  session: key(
    z
      .strictObject({
        idle: key(duration({ min: "1s" }), "Shorter than sessions.idle.").optional(),
        lifetime: key(duration({ min: "1s" }), "Shorter than sessions.lifetime.").optional(),
      })
      .prefault({}),
    "May only shorten.",
  ),
  limits: key(headLimitsOfApp().prefault({}), "How much a request to this app may say before its body; default: as limits say."),
  paths: key(
    z
      .strictObject({
        fold: key(
          z.boolean().prefault(true),
          "Rules count for /Admin, /admin. and the like as for /admin: many servers fold names. false: this one does not.",
        ),
        rawBytes: key(z.boolean().prefault(false), "Let escapes through that are not UTF-8, such as %E9."),
      })
      .prefault({}),
    "How the app's server reads paths.",
  ),
  keepForms: key(
    z.boolean().prefault(true),
    "A form that a login interrupts (1 MiB at most) is kept for ten minutes and can be sent after it.",
  ),
  portal: appPortal,
  logoutPaths: key(pathSpecs().prefault([]), "The app's own logout URLs: visiting one also ends the gateway's session."),
});
const app = appShape.refine((value) => (value.host === undefined) !== (value.hosts === undefined), {
  error: "exactly one of host: and hosts: is needed",
});

export const apps = key(someOf(app, "app"), "The published hosts.");
export type AppFile = z.output<typeof app>;
export type RouteFile = z.output<typeof route>;
export type InheritableFile = Omit<RouteFile, "path">;
export type RequestValueFile = z.output<typeof requestValue>;
export type HeadersFile = z.output<typeof headers>;
export type ProxyFile = z.output<typeof proxy>;
