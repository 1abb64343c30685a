import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { TestCertificate } from "./certificates.ts";
import { freePort } from "./free-port.ts";
import { demoUsers, type OidcUser } from "./oidc-provider.ts";
import { loginPage } from "./oidc-provider-pages.ts";
import { encryptAssertion, isSignedDocument, isSignedQuery, readMessage, redirectUrl, signElement } from "./saml-idp-crypto.ts";
import { assertionXml, escapeXml, idpMetadataXml, logoutRequestXml, logoutResponseXml, newId, responseXml } from "./saml-idp-messages.ts";
import { makeSamlKey } from "./saml-keys.ts";

/** What the identity provider knows of the gateway. */
export interface ServiceProvider {
  readonly entityId: string;
  readonly acsUrl: string;
  readonly sloUrl: string;
  /** What its messages are signed with, and assertions encrypted for; null = it has no keys. */
  readonly certificate: string | null;
}

/** How it behaves; everything may be changed while it runs. */
export interface SamlIdpBehaviour {
  sp: ServiceProvider;
  /** What it signs with, and what its metadata lists. */
  key: TestCertificate;
  published: readonly string[];
  sign: "assertion" | "response" | "both";
  encrypt: boolean;
  /** How its own logout requests, and its answers to ours, travel. */
  logoutBinding: "redirect" | "post";
  partialLogout: boolean;
  /** What it answers to a person who cancels, outermost status code first. */
  refusal: string;
  /** Attributes of each person beside e-mail, name and groups. */
  available: boolean;
}
export interface SamlIdp {
  readonly entityId: string;
  readonly origin: string;
  readonly metadataUrl: string;
  readonly users: Map<string, OidcUser>;
  readonly behaviour: SamlIdpBehaviour;
  /** Requests by method and path, in order. */
  readonly requests: readonly string[];
  /** The XML of each message of the gateway, and whether its signature holds. */
  readonly received: readonly { readonly kind: string; readonly xml: string; readonly signed: boolean }[];
  /** The form fields of an answer, as the browser would post them. */
  answerFields(login: string, change?: { readonly inResponseTo?: string | null; readonly relayState?: string }): Record<string, string>;
  /** A signed LogoutRequest for everything of this person, as the URL that a browser would be sent to. */
  logoutUrl(login: string): string;
  close(): Promise<void>;
}
export interface SamlIdpOptions {
  readonly sp: ServiceProvider;
  readonly users?: readonly OidcUser[];
  readonly port?: number;
  readonly host?: string;
  readonly title?: string;
  readonly behaviour?: Partial<SamlIdpBehaviour>;
}

interface Login {
  readonly login: string;
  readonly index: string;
  readonly at: number;
}
interface Asked {
  readonly id: string;
  readonly relayState: string | null;
  readonly authnContext: string | null;
}

const claimNames: Readonly<Record<string, string>> = {
  email: "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
  name: "DisplayName",
  groups: "http://schemas.xmlsoap.org/claims/Group",
};
const passwordContext = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

/**
 * A SAML 2.0 identity provider on loopback with real XML, signed by a library that the gateway does not use. Its login page is a
 * plain form (`login`, `password`); its answers are forms that post themselves.
 */
export async function startSamlIdp(options: SamlIdpOptions): Promise<SamlIdp> {
  const port = options.port ?? (await freePort());
  const origin = `http://${options.host ?? "127.0.0.1"}:${port}`;
  const key = options.behaviour?.key ?? (await makeSamlKey("idp"));
  const behaviour: SamlIdpBehaviour = {
    sp: options.sp,
    key,
    published: [key.certificate],
    sign: "assertion",
    encrypt: false,
    logoutBinding: "redirect",
    partialLogout: false,
    refusal: "Responder/AuthnFailed",
    available: true,
    ...options.behaviour,
  };
  const idp = createIdp(origin, behaviour, options);
  const server = createServer((request, response) => {
    idp.handle(request, response).catch((error: unknown) => response.writeHead(400, { "content-type": "text/plain" }).end(String(error)));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    ...idp,
    origin,
    behaviour,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function createIdp(origin: string, behaviour: SamlIdpBehaviour, options: SamlIdpOptions) {
  const entityId = `${origin}/metadata`;
  const users = new Map((options.users ?? demoUsers()).map((user) => [user.login, user]));
  const logins = new Map<string, Login>();
  const pending = new Map<string, Asked>();
  const requests: string[] = [];
  const received: { kind: string; xml: string; signed: boolean }[] = [];
  const cookieName = `saml_${new URL(origin).port}`;

  const answerOf = (login: Login, asked: Asked | null): string => {
    const { sp, sign, encrypt } = behaviour;
    const head = { issuer: entityId, destination: sp.acsUrl, inResponseTo: asked?.id ?? null, now: Date.now() };
    const bare = assertionXml({
      ...head,
      audience: sp.entityId,
      nameId: login.login,
      sessionIndex: login.index,
      authnContext: asked?.authnContext ?? passwordContext,
      authnInstant: login.at,
      attributes: attributesOf(users.get(login.login)),
    });
    const assertion = sign === "response" ? bare : signElement(bare, "Assertion", behaviour.key);
    const wrapped = encrypt && sp.certificate !== null ? encryptAssertion(assertion, sp.certificate) : assertion;
    const response = responseXml(head, "Success", wrapped);
    return sign === "assertion" ? response : signElement(response, "Response", behaviour.key);
  };

  const logoutRequest = (login: string, sessionIndexes: readonly string[]) => {
    const model = { issuer: entityId, destination: behaviour.sp.sloUrl, now: Date.now() };
    return logoutRequestXml({ ...model, id: newId(), nameId: login, sessionIndexes });
  };

  const hear = (rawQuery: string, form: URLSearchParams | null): { kind: string; xml: string; relayState: string | null } => {
    const fields = form ?? new URLSearchParams(rawQuery);
    const kind = fields.has("SAMLRequest") ? "SAMLRequest" : "SAMLResponse";
    const xml = readMessage(fields.get(kind) ?? "", form === null ? "redirect" : "post");
    const { certificate } = behaviour.sp;
    const isSigned = form === null ? rawQuery.includes("Signature=") : xml.includes("SignatureValue");
    const signed =
      certificate !== null && isSigned && (form === null ? isSignedQuery(rawQuery, certificate) : isSignedDocument(xml, certificate));
    if (certificate !== null && !signed) throw new Error("the message is not signed by the gateway");
    received.push({ kind: /<(?:\w+:)?(\w+)[\s>]/.exec(xml)?.[1] ?? "", xml, signed });
    return { kind, xml, relayState: fields.get("RelayState") };
  };

  const signIn = (response: ServerResponse, login: string, asked: Asked | null) => {
    const made: Login = { login, index: newId(), at: Date.now() };
    const token = randomBytes(16).toString("hex");
    logins.set(token, made);
    const fields = { SAMLResponse: base64(answerOf(made, asked)), ...(asked?.relayState == null ? {} : { RelayState: asked.relayState }) };
    sendForm(response, behaviour.sp.acsUrl, fields, `${cookieName}=${token}; Path=/; HttpOnly; SameSite=Lax`);
  };

  const sso = (request: IncomingMessage, response: ServerResponse, url: URL, form: URLSearchParams | null) => {
    const { xml, relayState } = hear(url.search.slice(1), form);
    const asked: Asked = {
      id: attribute(xml, "ID") ?? "",
      relayState,
      authnContext: /<(?:\w+:)?AuthnContextClassRef[^>]*>([^<]+)</.exec(xml)?.[1] ?? null,
    };
    const known = logins.get(cookie(request, cookieName) ?? "");
    if (known !== undefined && attribute(xml, "ForceAuthn") !== "true" && asked.authnContext === null) {
      const fields = { SAMLResponse: base64(answerOf(known, asked)), ...(relayState === null ? {} : { RelayState: relayState }) };
      sendForm(response, behaviour.sp.acsUrl, fields, null);
      return;
    }
    const ticket = randomBytes(8).toString("hex");
    pending.set(ticket, asked);
    sendLogin(response, ticket, null);
  };

  const sendLogin = (response: ServerResponse, ticket: string, problem: string | null) => {
    const title = options.title ?? "SAML identity provider";
    sendPage(response, loginPage({ title, action: `/login?ticket=${ticket}`, typed: "", problem, users: [...users.values()] }));
  };

  const logIn = (response: ServerResponse, ticket: string, form: URLSearchParams) => {
    const asked = pending.get(ticket);
    if (asked === undefined) throw new Error("no such login");
    if (form.get("cancel") === "1") {
      const head = { issuer: entityId, destination: behaviour.sp.acsUrl, inResponseTo: asked.id, now: Date.now() };
      const xml = signElement(responseXml(head, behaviour.refusal, ""), "Response", behaviour.key);
      sendForm(response, behaviour.sp.acsUrl, { SAMLResponse: base64(xml), RelayState: asked.relayState ?? "" }, null);
      return;
    }
    const typed = form.get("login") ?? "";
    const user = [...users.values()].find(({ login, claims }) => login === typed || claims.email === typed);
    if (user === undefined || user.password !== form.get("password")) return sendLogin(response, ticket, "That did not match.");
    pending.delete(ticket);
    signIn(response, user.login, asked);
  };

  const slo = (response: ServerResponse, url: URL, form: URLSearchParams | null) => {
    const { kind, xml, relayState } = hear(url.search.slice(1), form);
    if (kind === "SAMLResponse") return sendPage(response, "<!doctype html><title>Signed out</title><p>Signed out at the provider.</p>");
    const index = /<(?:\w+:)?SessionIndex[^>]*>([^<]+)</.exec(xml)?.[1];
    for (const [token, login] of logins) if (login.index === index) logins.delete(token);
    const model = { issuer: entityId, destination: behaviour.sp.sloUrl, now: Date.now() };
    const answer = logoutResponseXml({ ...model, inResponseTo: attribute(xml, "ID") ?? "", partial: behaviour.partialLogout });
    send(response, "SAMLResponse", answer, "LogoutResponse", relayState);
  };

  /** By the binding that is set: signed in the query string, or in the document. */
  const send = (
    response: ServerResponse,
    parameter: "SAMLRequest" | "SAMLResponse",
    xml: string,
    root: string,
    relayState: string | null,
  ) => {
    const { key, sp, logoutBinding } = behaviour;
    if (logoutBinding === "redirect") {
      response.writeHead(302, { location: redirectUrl(sp.sloUrl, parameter, xml, relayState, key.key) }).end();
      return;
    }
    const fields = { [parameter]: base64(signElement(xml, root, key)), ...(relayState === null ? {} : { RelayState: relayState }) };
    sendForm(response, sp.sloUrl, fields, null);
  };

  const signOut = (request: IncomingMessage, response: ServerResponse) => {
    const token = cookie(request, cookieName) ?? "";
    const login = logins.get(token);
    if (login === undefined) throw new Error("nobody is signed in");
    logins.delete(token);
    send(response, "SAMLRequest", logoutRequest(login.login, [login.index]), "LogoutRequest", "from the provider");
  };

  return {
    entityId,
    metadataUrl: entityId,
    users,
    requests,
    received,
    answerFields: (login: string, change: { readonly inResponseTo?: string | null; readonly relayState?: string } = {}) => {
      const asked = change.inResponseTo == null ? null : { id: change.inResponseTo, relayState: null, authnContext: null };
      const xml = answerOf({ login, index: newId(), at: Date.now() }, asked);
      return { SAMLResponse: base64(xml), ...(change.relayState === undefined ? {} : { RelayState: change.relayState }) };
    },
    logoutUrl: (login: string) => redirectUrl(behaviour.sp.sloUrl, "SAMLRequest", logoutRequest(login, []), null, behaviour.key.key),
    handle: async (request: IncomingMessage, response: ServerResponse) => {
      const url = new URL(request.url ?? "/", origin);
      requests.push(`${request.method} ${url.pathname}`);
      if (!behaviour.available) return void response.writeHead(503).end();
      const form = request.method === "POST" ? new URLSearchParams(await textOf(request)) : null;
      if (url.pathname === "/metadata") {
        const endpoints = { ssoUrl: `${origin}/sso`, sloUrl: `${origin}/slo` };
        response.writeHead(200, { "content-type": "application/samlmetadata+xml" });
        response.end(idpMetadataXml({ entityId, ...endpoints, certificates: behaviour.published }));
      } else if (url.pathname === "/sso") sso(request, response, url, form);
      else if (url.pathname === "/login" && form !== null) logIn(response, url.searchParams.get("ticket") ?? "", form);
      else if (url.pathname === "/slo") slo(response, url, form);
      else if (url.pathname === "/logout") signOut(request, response);
      else response.writeHead(404).end();
    },
  };
}

/** Names as ADFS gives them; every other claim by its own. */
function attributesOf(user: OidcUser | undefined): Record<string, readonly string[]> {
  const stated = Object.entries(user?.claims ?? {}).filter(([name]) => name !== "email_verified");
  return Object.fromEntries(
    stated.map(([name, value]) => [claimNames[name] ?? name, Array.isArray(value) ? value.map(String) : [String(value)]]),
  );
}

const base64 = (xml: string): string => Buffer.from(xml, "utf8").toString("base64");
const attribute = (xml: string, name: string): string | null => new RegExp(`\\s${name}="([^"]*)"`).exec(xml)?.[1] ?? null;
const cookie = (request: IncomingMessage, name: string): string | null =>
  new RegExp(`(?:^|;\\s*)${name}=([^;]*)`).exec(request.headers.cookie ?? "")?.[1] ?? null;

function sendPage(response: ServerResponse, html: string): void {
  response.writeHead(200, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" }).end(html);
}

function sendForm(response: ServerResponse, action: string, fields: Readonly<Record<string, string>>, setCookie: string | null): void {
  if (setCookie !== null) response.setHeader("set-cookie", setCookie);
  const inputs = Object.entries(fields).map(([name, value]) => `<input type="hidden" name="${name}" value="${escapeXml(value)}">`);
  sendPage(
    response,
    `<!doctype html><title>One moment</title><form method="post" action="${escapeXml(action)}">${inputs.join("")}<noscript><button>Continue</button></noscript></form><script>document.forms[0].submit()</script>`,
  );
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
