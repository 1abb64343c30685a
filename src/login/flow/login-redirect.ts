import { leadOn, page, redirectTo } from "../../control/answers.ts";
import { createOwnCookies, isNumber, isText, type OwnCookies, safeReturnPath } from "../../control/browser-state.ts";
import { type ControlRequest, type Endpoint, onlyParameter } from "../../control/router.ts";
import type { Answer } from "../../core/answer.ts";
import type { Clock, Random } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Incoming } from "../../core/incoming.ts";
import { formatOrigin } from "../../core/origin.ts";
import type { Facts } from "../../core/ports/facts.ts";
import type { LoginRedirect, SubmittedForm } from "../../core/ports/login-redirect.ts";
import type { KeptField } from "../../core/ports/pages.ts";
import type { Sealer } from "../../core/ports/sealer.ts";
import type { SessionCookies } from "../../core/ports/session-cookies.ts";
import { loginOrigin } from "../../core/ports/tracing.ts";
import type { Site, Visit } from "../../core/route.ts";
import type { Settings } from "../../core/settings.ts";
import { headerOf } from "../../http/fields.ts";
import type { Needs } from "./parts.ts";
import {
  type Binding,
  bindBrowser,
  countRounds,
  isSameBinding,
  lastPerson,
  loginLimitMs,
  personOf,
  readBinding,
  sealWantedPage,
} from "./wanted-page.ts";

interface LoginRedirectDeps {
  readonly settings: Pick<Settings, "auth">;
  readonly cookies: Pick<SessionCookies, "name">;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly random: Random;
  readonly facts: Pick<Facts, "park" | "count">;
}

/** The way from an app's pages to the login. Nothing of a stranger is stored: a flood of anonymous visitors leaves the store empty. */
export function createLoginRedirect(deps: LoginRedirectDeps): LoginRedirect {
  const names = createOwnCookies(deps.cookies);
  return {
    answer: (visit, { acr }) => {
      const { incoming, site } = visit;
      const rounds = countRounds(deps, names, site.hostname, incoming.cookie);
      const answer = sendToLogin(deps, names, visit, { path: safeReturnPath(incoming.path, incoming.query), acr, rounds, extra: [] });
      return { ...answer, headers: [...answer.headers, ["Cache-Control", "no-store"], ["X-Request-Id", incoming.id]] };
    },
    answerWithForm: async (visit, { acr }, form) => {
      const { incoming, site } = visit;
      const binding = bindBrowser(incoming.cookie, names, deps.random);
      // Whose it is must be known: at a shared computer the next person to sign in is another one.
      const person = lastPerson(deps, names, site.hostname, incoming.cookie);
      const path = person === null ? null : await keepForm(deps, visit, { form, binding: binding.hash, person });
      if (path === null) return null;
      const rounds = countRounds(deps, names, site.hostname, incoming.cookie);
      const answer = sendToLogin(deps, names, visit, { path, acr, rounds, extra: [], binding });
      const to = answer.headers.find(([name]) => name === "Location")?.[1] ?? "";
      const cookies = answer.headers.filter(([name]) => name === "Set-Cookie");
      // 401: nothing was done with the form.
      return leadOn(to, 401, [...cookies, ["Cache-Control", "no-store"], ["X-Request-Id", incoming.id]]);
    },
    urlFor: ({ incoming, site }) => {
      const wanted = formatOrigin(site.origin) + pageOf(incoming, site);
      return `${formatOrigin(deps.settings.auth.origin)}/_vestibule/login?return=${encodeURIComponent(wanted)}`;
    },
  };
}

/** What is to be remembered, and the choices made before (`provider`, `login_hint`, `another`), passed on as they are. */
interface WantedPageMade {
  readonly path: string;
  readonly acr: readonly string[];
  readonly rounds: number;
  readonly extra: readonly [name: string, value: string][];
  /** This browser's binding where it was made before. */
  readonly binding?: Binding;
}

/** 302 to the auth origin with the wanted page sealed and bound to this browser. */
export function sendToLogin(deps: LoginRedirectDeps, names: OwnCookies, visit: Visit, made: WantedPageMade): Answer {
  const { incoming, site } = visit;
  const binding = made.binding ?? (site.isAuth ? null : bindBrowser(incoming.cookie, names, deps.random));
  const wanted = sealWantedPage(deps.sealer, {
    host: site.hostname,
    path: made.path,
    binding: site.isAuth ? null : (binding?.hash ?? null),
    acr: made.acr,
    rounds: made.rounds,
    at: deps.clock(),
    trace: loginOrigin(incoming.trace),
  });
  const query = new URLSearchParams([["wish", wanted], ...made.extra]);
  return redirectTo(`${formatOrigin(deps.settings.auth.origin)}/_vestibule/login?${query}`, {
    status: 302,
    cookies: binding?.cookies ?? [],
  });
}

/** The page to come back to: a script's own URL is no page, so the page it runs in (same origin only) is meant. */
function pageOf(incoming: Incoming, site: Site): string {
  const own = `${formatOrigin(site.origin)}/`;
  const referer = headerOf(incoming, "referer");
  if (!incoming.wantsPage && referer?.startsWith(own)) {
    const page = URL.parse(referer);
    if (page !== null) return safeReturnPath(page.pathname, page.search);
  }
  return incoming.method === "GET" || incoming.method === "HEAD" ? safeReturnPath(incoming.path, incoming.query) : "/";
}

/** What a login URL already says: which provider, which address, whether with another account. */
export interface Choices {
  readonly provider: string | null;
  readonly hint: string | null;
  readonly another: boolean;
}

const maxChoice = 320;

export function readChoices(query: URLSearchParams): Choices {
  const short = (name: string) => {
    const value = onlyParameter(query, name);
    return value !== null && value.length <= maxChoice ? value : null;
  };
  return { provider: short("provider"), hint: short("login_hint"), another: onlyParameter(query, "another") === "1" };
}

/** The choices as parameters, to take along through another host. */
export function passedOn(choices: Choices): readonly [name: string, value: string][] {
  const pairs: [string, string][] = [];
  if (choices.provider !== null) pairs.push(["provider", choices.provider]);
  if (choices.hint !== null) pairs.push(["login_hint", choices.hint]);
  if (choices.another) pairs.push(["another", "1"]);
  return pairs;
}

/** Where a form that a login interrupted waits for a click. */
const formPath = "/_vestibule/form";
const kind = "kept-form";
/** Forms that one earlier session may leave behind at once: each holds up to a mebibyte in the store. */
const mostAtOnce = 5;
const mostFields = 2_000;

/** A form as it waits in the store: for one path, one host and one browser. */
interface KeptForm {
  readonly host: string;
  /** Path and query to which it was sent. */
  readonly path: string;
  readonly binding: string;
  /** Who typed it: see `personOf`. */
  readonly person: string;
  readonly multipart: boolean;
  readonly fields: readonly KeptField[];
  readonly at: number;
}

/**
 * Keeps a form and answers the path on this host to come back to; null when it cannot be kept as it is: a field that would change on the way
 * back (another character set, a NUL), too many fields, or too many forms. Only for browsers that were signed in before: a stranger's flood
 * leaves the store empty.
 */
async function keepForm(
  parts: Needs<"clock"> & { readonly facts: Pick<Facts, "park" | "count"> },
  visit: Visit,
  kept: { readonly form: SubmittedForm; readonly binding: string; readonly person: string },
): Promise<string | null> {
  const { form, binding, person } = kept;
  const fields = await readFields(form);
  if (fields === null) return null;
  if ((await parts.facts.count(kind, form.earlierSession, loginLimitMs)) > mostAtOnce) return null;
  const { incoming, site } = visit;
  const record: KeptForm = {
    host: site.hostname,
    path: incoming.path + incoming.query,
    binding,
    person,
    multipart: form.contentType.startsWith("multipart/"),
    fields,
    at: parts.clock(),
  };
  const handle = await parts.facts.park(kind, JSON.stringify(record), loginLimitMs);
  return `${formPath}?id=${handle}`;
}

async function readFields({ contentType, body }: SubmittedForm): Promise<readonly KeptField[] | null> {
  try {
    const data = await new Response(body, { headers: { "Content-Type": contentType } }).formData();
    const fields = await Promise.all([...data].map(async ([name, value]) => readField(name, value)));
    return fields.length <= mostFields && fields.every(isFaithful) ? fields : null;
  } catch {
    // Not a form after all: the request is answered as any other script's.
    return null;
  }
}

async function readField(name: string, value: string | File): Promise<KeptField> {
  if (typeof value === "string") return { name, value };
  const content = Buffer.from(await value.arrayBuffer()).toString("base64");
  return { name, file: { name: value.name, type: value.type, content } };
}

/** U+FFFD stands where the bytes were no UTF-8; a NUL does not survive a page. */
function isFaithful(field: KeptField): boolean {
  const texts = "file" in field ? [field.name, field.file.name, field.file.type] : [field.name, field.value];
  return texts.every((text) => !/[\uFFFD\0]/u.test(text));
}

type FormNeeds = "facts" | "names" | "renderPage" | "clock" | "cookies" | "sessions";

/** `GET /_vestibule/form?id=`: shows once what was kept and where it goes; a click sends it, from this browser, to be judged like any form. */
export function keptFormEndpoint(parts: Needs<FormNeeds>): Endpoint {
  return { path: "/form", on: "app", methods: ["GET"], limited: true, urgent: false, run: (request) => showForm(parts, request) };
}

async function showForm(parts: Needs<FormNeeds>, request: ControlRequest): Promise<Answer> {
  const { incoming, site } = request.visit;
  const away = redirectTo(`${formatOrigin(site.origin)}/`);
  const id = parts.cookies.read(incoming.cookie, site.hostname);
  const session = id === null ? null : await parts.sessions.find(id);
  if (session === null) return away;
  const handle = onlyParameter(request.query, "id") ?? "";
  const text = /^[A-Za-z0-9_-]{16,128}$/.test(handle) ? await parts.facts.unpark(kind, handle) : null;
  const form = text === null ? null : readKept(text);
  // A form of another host, another browser or another person is never shown: it holds what its author typed.
  const binding = readBinding(incoming.cookie, parts.names);
  if (form === null || site.app === null || form.host !== site.hostname || binding === null || !isSameBinding(binding, form.binding))
    return away;
  if (personOf(session.principal) !== form.person) return away;
  if (parts.clock() - form.at > loginLimitMs) throw new GatewayError("login.stale", "the form that was kept has expired");
  return page(parts, incoming, 200, {
    page: "kept-form",
    app: site.app.settings.name,
    // With the origin: a path that begins with two slashes would lead to the host that it names.
    action: `${formatOrigin(site.origin)}${form.path}`,
    host: site.hostname,
    multipart: form.multipart,
    fields: form.fields,
  });
}

function readKept(text: string): KeptForm | null {
  const { host, path, binding, person, multipart, fields, at } = JSON.parse(text) as Record<string, unknown>;
  const whole =
    isText(host) && isText(path) && path.startsWith("/") && isText(binding) && isText(person) && Array.isArray(fields) && isNumber(at);
  return whole ? { host, path, binding, person, multipart: multipart === true, fields: fields as readonly KeptField[], at } : null;
}
