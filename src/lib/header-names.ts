/**
 * The name under which CGI, WSGI, PHP and Java environments cannot tell headers apart: lower case, and `-`, `_`, `.` and every
 * other sign alike (RFC 3875 4.1.18 says it of `-`; some servers do it to all that is no letter or digit). What guards one
 * spelling must guard all.
 */
export function foldHeaderName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "-");
}

/** RFC 9110 5.6.2: the characters of a token. */
export function isHeaderName(name: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/.test(name);
}

/** Printable ASCII, inner spaces and tabs; CR and LF would begin another header (RFC 9110 5.5). */
export function isHeaderValue(value: string): boolean {
  return /^[\t -~]*$/.test(value) && value.trim() === value && value.length <= 4096;
}

const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-authentication-info",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** Fields that end at this hop whatever Connection says (RFC 9110 section 7.6.1). `name` is in lower case, or folded. */
export function isHopByHop(name: string): boolean {
  return hopByHop.has(name);
}

/** What a message on the next hop says of its own framing and connection, in any spelling: the next hop gets its own. */
export function isWrittenAnew(name: string): boolean {
  const folded = foldHeaderName(name);
  return isHopByHop(folded) || folded === "content-length" || folded === "expect";
}

/** Names that say where a message ends or how one connection behaves: only the gateway writes them. */
export function isFramingName(name: string): boolean {
  return isWrittenAnew(name) || foldHeaderName(name).startsWith("sec-websocket-");
}

/**
 * What an application may take from a request header field that some proxy before it is expected to write.
 *
 * `written`: the gateway writes it on every request, so a caller's is replaced. `via`: the gateway adds to it. The parts of a request
 * (`path` to `method`) and `identity`: deleted from every request, on every route. `plain`: everything else.
 */
export type HeaderRole = "plain" | "written" | "via" | "identity" | RequestPart;

/** Which part of a request applications are known to take from such a field, instead of from the request itself. */
type RequestPart = "path" | "method" | "host" | "scheme" | "port" | "client address" | "outbound proxy";

/**
 * THE list: what the gateway deletes from requests and what the configuration may not set are both asked here.
 *
 * A field that a framework believes moves the request behind the rule that judged it: `SCRIPT_NAME: /pub` makes gunicorn serve
 * `/admin` for `/pub/admin`. So each is deleted in every spelling, and also with the prefixes that CGI and Apache put before it
 * (`HTTP_CLIENT_IP`, `REDIRECT_REMOTE_USER`), which Java snippets look for by that name.
 */
export function headerRole(name: string): HeaderRole {
  const folded = foldHeaderName(name);
  const role = roleOfFolded(folded);
  return role === "plain" ? roleOfFolded(folded.replace(/^(?:http-|redirect-)+(?=.)/, "")) : role;
}

/** Applications are known to take who is calling from it: callers never set it, whatever the configuration says. */
export function isWellKnownIdentityName(name: string): boolean {
  return headerRole(name) === "identity";
}

/** Upstreams learn from it how a request came here, what was asked for, or who is calling: none of a client's survive. */
export function isDeletedFromRequests(name: string): boolean {
  const role = headerRole(name);
  return role !== "plain" && role !== "via";
}

function roleOfFolded(folded: string): HeaderRole {
  const exact = exactRoles.get(folded);
  if (exact !== undefined) return exact;
  for (const [prefix, role] of prefixRoles) if (folded.startsWith(prefix)) return role;
  return "plain";
}

const words = (text: string) => text.trim().split(/\s+/);
const all = (role: HeaderRole, names: string) => words(names).map((name) => [name, role] as const);

/** Whole names, folded. They count before the prefixes. */
const exactRoles: ReadonlyMap<string, HeaderRole> = new Map([
  ...all(
    "written",
    `x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port x-forwarded-prefix x-real-ip forwarded x-request-id`,
  ),
  ...all("via", `via`),
  // CGI (RFC 3875 4.1) and what WSGI, FastCGI and uwsgi add; Helicon, IIS and ARR; Next.js and Astro (CVE-2025-29927); the file
  // hand-over of Rack (CVE-2025-61780); Home Assistant; RStudio; PasteDeploy; Catalyst; Azure; Cloud Foundry; NiFi; Envoy and Traefik by their prefixes below.
  ...all(
    "path",
    `script-name redirect-url redirect-status script-filename script-url script-uri path-info path-translated request-uri request-url query-string document-root
     document-uri context-path base-url x-script-name x-path-info x-request-uri x-request-url x-request-path x-uri x-url x-path
     x-base-path x-base-url x-context-path x-proxycontextpath x-prefix x-proxy-prefix x-traversal-path x-ingress-path x-replaced-path
     x-waws-unencoded-url unencoded-url x-http-destinationurl x-http-path-override x-originating-url x-ms-endpoint-absolute-path
     x-accel-mapping x-sendfile-type x-middleware-subrequest x-middleware-rewrite x-matched-path x-invoke-path x-invoke-query
     x-now-route-matches x-astro-path x-astro-locals x-rstudio-request x-rstudio-root-path x-rsc-request x-request-base
     x-ms-original-url x-cf-forwarded-url`,
  ),
  ...all("method", `request-method`),
  ...all(
    "host",
    `x-host x-hostname host x-http-host x-http-host-override x-host-override x-virtual-host x-server-name server-name server-addr
     disguised-host was-default-hostname x-default-hostname x-proxyhost`,
  ),
  ...all(
    "scheme",
    `x-scheme x-url-scheme request-scheme x-request-scheme https x-https x-is-https ssl x-proto x-protocol server-protocol
     x-client-proto x-client-scheme clientprotocol front-end-https x-front-end-https x-arr-ssl x-proxied-https cf-visitor
     cloudfront-forwarded-proto fastly-ssl gateway-interface x-proxyscheme`,
  ),
  ...all("port", `x-port server-port x-server-port x-http-port x-proxyport`),
  ...all(
    "client address",
    `client-ip x-client-ip x-clientip x-client-real-ip x-cluster-client-ip true-client-ip x-true-client-ip remote-addr remote-host
     remote-port x-remote-addr x-remote-host x-remote-port x-remote-ip remote-ip x-originating-ip x-proxyuser-ip cf-pseudo-ipv4
     cloudfront-viewer-address do-connecting-ip x-nf-client-connection-ip x-azure-clientip x-azure-socketip ali-cdn-real-ip
     cdn-src-ip cdn-real-ip incap-client-ip x-sucuri-clientip x-ms-proxy x-ms-forwarded-client-ip x-ms-adfs-proxy-client-ip
     coming-from x-coming-from rlnclientipaddr`,
  ),
  // CGI turns it into HTTP_PROXY, which HTTP clients inside the application obey (CVE-2016-5385, "httpoxy").
  ...all("outbound proxy", `proxy`),
  ...all(
    "identity",
    `auth-user auth-type auth-user-id x-auth-user x-auth-username x-auth-userid x-auth-user-id x-auth-email x-auth-name x-auth-subject
     x-auth-roles x-auth-role x-auth-groups x-auth-group x-auth-audience x-auth-given-name x-auth-family-name x-auth-full-name x-auth-fullname
     x-auth-display-name x-auth-displayname x-auth-preferred-username x-auth-mail x-auth-login x-auth-uid x-auth-id x-auth-sub x-auth-claims
     auth-mail auth-email auth-cn auth-sn auth-givenname auth-name auth-uid auth-group auth-groups auth-role auth-roles authenticated-user user-id x-user x-userid x-username x-usergroups x-userinfo x-email
     x-mail x-login x-groups x-group x-roles x-role x-subject x-sub x-principal x-identity x-ident
     x-user-id x-user-name x-user-email x-user-mail x-user-login x-user-group x-user-groups x-user-role x-user-roles x-user-dn
     x-user-sub x-user-subject x-user-uid x-user-info x-user-claims x-user-permissions x-user-scopes x-user-principal x-user-tenant
     x-user-displayname x-user-display-name x-user-fullname x-user-full-name x-user-first-name x-user-last-name
     x-token-subject x-token-user-name x-token-user-email x-token-user-roles
     proxy-user proxy-remote-user x-proxy-user x-proxy-roles x-proxy-remote-user x-proxy-ext
     eppn persistent-id targeted-id affiliation unscoped-affiliation primary-affiliation entitlement
     client-cert client-cert-chain x-client-cert x-client-certificate x-client-dn x-client-cn x-client-s-dn x-client-i-dn
     x-client-subject x-client-issuer x-client-verify x-client-serial x-arr-clientcert proxy-auth-cert proxy-ssl-id
     wl-proxy-client-cert x-anonymous-consumer x-id-token x-client-user x-client-userid x-client-username
     x-amzn-request-context x-amzn-lambda-context x-rstudio-username x-rstudio-userid x-appengine-user-id x-appengine-user-email
     x-appengine-user-nickname x-appengine-user-is-admin x-appengine-user-organization`,
  ),
  // Names under `X-Forwarded-` that other gateways give to the identity, not to the way the request took.
  ...all(
    "identity",
    words(
      "user userid user-id login email groups group preferred-username access-token id-token name roles identity subject mail displayname display-name",
    )
      .map((name) => `x-forwarded-${name}`)
      .join(" "),
  ),
]);

/** Beginnings of names, folded. */
const prefixRoles: readonly (readonly [prefix: string, role: HeaderRole])[] = [
  ...all("path", `x-original- x-rewrite- wsgi- uwsgi- x-invoke-`),
  ...all("host", `x-real-host`),
  ...all("scheme", `x-real-proto x-real-scheme`),
  ...all("port", `x-real-port`),
  ...all("client address", `x-real- cf-connecting- fastly-client fly- x-vercel- x-envoy- x-appengine- wl-proxy-`),
  // OpenResty, PHP and the rest of `X-Forwarded-…`, however it is called.
  ...all("identity", `x-forwarded-client-cert x-forwarded-tls-client php-auth-`),
  ...all("path", `php-`),
  ...all("client address", `x-forwarded forwarded x-forward-for forward-for proxy-`),
  // authentik, Authelia, oauth2-proxy, Grafana, Vouch, Pomerium, Kong, caddy-security, Nexus, Teleport, Tailscale, Kubernetes, Kubeflow
  ...all(
    "identity",
    `remote- x-remote- x-auth-request- x-webauth- x-authentik- x-authelia- x-authenticated- x-vouch- x-pomerium- x-consumer- x-credential-
     x-sso- teleport- x-teleport- tailscale- impersonate- kubeflow-user x-keycloak- x-oauth-user x-oidc- x-saml- x-jwt-`,
  ),
  // NiFi's chain of identities, CouchDB's proxy authentication, LemonLDAP::NG, Apache's auth_cas, ClearTrust, YunoHost, Sandstorm, Home
  // Assistant, Istio, MuleSoft, Google Cloud Endpoints
  ...all(
    "identity",
    `x-proxiedentit x-auth-couchdb- lm-remote- cas- ct-remote- ynh- x-sandstorm- x-hass- sec-istio-auth- x-istio- x-agw- x-endpoint-api-
     x-mtls-`,
  ),
  // Cloudflare Access, Google IAP, AWS load balancers and API Gateway, Azure App Service
  ...all(
    "identity",
    `cf-access- cf-client- cf-cert- x-goog-authenticated- x-goog-iap- x-amzn-oidc- x-amzn-mtls- x-apigateway- x-ms-client-principal
     x-ms-token-`,
  ),
  // Apache's modules (auth_openidc, oauth2, auth_mellon, shib), SiteMinder, Oracle, IBM WebSEAL and WebSphere ("$WSRU"), Domino
  ...all("identity", `oidc- oauth2-claim- mellon- shib- shibboleth- sm- smuser oam- osso- iv- -ws`),
  // What TLS-terminating proxies say of a client's certificate
  ...all("identity", `ssl-client ssl-cert ssl-server ssl-session x-ssl- tls-client x-tls-client x-client-cert- x-client-ssl x-client-tls`),
];
