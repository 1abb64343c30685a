import { type Context, Hono } from "hono";
import { getCookie } from "hono/cookie";
import { html } from "hono/html";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/ports/log.ts";
import { isSame } from "../api/api.ts";
import { problemAnswer } from "../api/problem.ts";
import { apiRoutes, explainInput, queryOf } from "../api/routes.ts";
import { explainRequest } from "../api/schemas.ts";
import { endMatching, endOne, type Operations, type Operator } from "../operations.ts";
import {
  consolePage,
  countBody,
  dataBody,
  eventsBody,
  explainBody,
  explainFields,
  sessionFields,
  sessionsBody,
  signInBody,
} from "./pages.ts";
import { consoleCookie, isOwnHost, issueConsoleCookie, operatorOf } from "./sign-on.ts";

interface Env {
  readonly Bindings: { readonly address: string };
  readonly Variables: { operator: Operator };
}

/** The operators' pages under `/console`: what the API answers, for people. Works without a script. */
export function createConsole({
  operations,
  log,
  clock,
}: {
  readonly operations: Operations;
  readonly log: Log;
  readonly clock: Clock;
}): Hono<Env> {
  const app = new Hono<Env>();
  const show = (status: number, title: string, body: Parameters<typeof consolePage>[3], isSignedIn = true) =>
    consolePage(operations.settings(), status, title, body, { isSignedIn });

  app.use(async (context, next) => {
    const host = context.req.header("host") ?? "";
    const { console } = operations.settings();
    if (!isOwnHost(host, console.host))
      return show(421, "Not this host", html`<p>Use the address of the admin listener, or console.host.</p>`, false);
    if (context.req.method === "POST" && !isOwnForm(context, host))
      return show(403, "Not from here", html`<p>The form was on another site's page.</p>`, false);
    if (context.req.path === "/console/sign-in") return next();
    const request = {
      host,
      assertion: context.req.header("x-vestibule-assertion") ?? null,
      cookie: getCookie(context, consoleCookie),
      address: context.env.address,
    };
    const operator = operatorOf(operations, request, clock());
    if (operator === null)
      return show(401, "Console", signInBody(console.token === null ? "The configuration names no console.token." : null), false);
    context.set("operator", operator);
    return next();
  });
  app.post("/sign-in", async (context) => {
    const { token } = operations.settings().console;
    const given = (await formOf(context)).token ?? "";
    if (token === null || !isSame(given, token.reveal())) {
      log.warn({ client: context.env.address }, "a sign-in to the console was refused");
      return show(401, "Console", signInBody("This token is not the one."), false);
    }
    const response = context.redirect("/console/now", 303);
    response.headers.set("Set-Cookie", issueConsoleCookie(token.reveal(), clock()));
    return response;
  });
  app.get("/now", async () => show(200, "Now", dataBody(await answerOf(operations, "/status", clock()))));
  app.get("/config", async () => show(200, "Configuration", dataBody(await answerOf(operations, "/config", clock()))));
  app.get("/refusals", () => show(200, "Refusals", eventsBody(operations.tail({ event: "refusal", text: null, limit: 200 }), null)));
  app.get("/audit", (context) => {
    const text = context.req.query("text") ?? "";
    const filter = html`<form method="get" action="/console/audit" role="search"><label for="text">Text</label><input class="text" id="text" name="text" value="${text}"><button class="button primary" type="submit">Search</button></form>`;
    return show(200, "Audit", eventsBody(operations.tail({ event: null, text: text === "" ? null : text, limit: 200 }), filter));
  });
  app.get("/explain", (context) => explain(operations, context, show, clock()));
  app.get("/sessions", async (context) => {
    const given = pick(context.req.query());
    const { sessions, next } = await operations.sessions.list(queryOf(given), { cursor: context.req.query("cursor") ?? null, limit: 50 });
    return show(200, "Sessions", sessionsBody(given, sessions, next, context.req.query("told") ?? null));
  });
  app.post("/sessions/end", async (context) => {
    const ended = await endOne(operations, context.var.operator, (await formOf(context)).handle ?? "");
    return context.redirect(`/console/sessions?told=${ended ? "1 session ended" : "This session had ended already"}`, 303);
  });
  app.post("/sessions/count", async (context) => {
    const given = pick(await formOf(context));
    return show(200, "End sessions", countBody(given, await operations.sessions.countMatching(queryOf(given))));
  });
  app.post("/sessions/end-all", async (context) => {
    const ended = await endMatching(operations, context.var.operator, queryOf(pick(await formOf(context))));
    return context.redirect(`/console/sessions?told=${ended} sessions ended`, 303);
  });
  app.all("*", () => show(404, "No such page", html`<p class="reason"><a href="/console/now">Console</a></p>`));
  app.onError((error) => {
    const { status } = problemAnswer(error);
    if (status >= 500) log.warn({ error }, "a console request failed");
    return show(
      status,
      "This did not work",
      html`<p class="problem" role="alert">${status < 500 || status === 503 ? error.message : "See the log."}</p>`,
    );
  });
  return app;
}

type Show = (status: number, title: string, body: Parameters<typeof consolePage>[3]) => Response;

/** Prefilled by a refusal's request number: who wanted what. */
function explain(operations: Operations, context: Context<Env>, show: Show, now: number): Response {
  const number = context.req.query("request");
  const refusal = number === undefined ? undefined : operations.tail({ event: "refusal", text: number, limit: 1 })[0];
  const asked = Object.fromEntries(explainFields.map(([name]) => [name, context.req.query(name) ?? ""]));
  const given = refusal?.event === "refusal" ? { ...asked, ...questionOf(operations, refusal) } : asked;
  const { url = "", groups = "", ...rest } = given;
  if (url === "") return show(200, "Explain", explainBody(given, null, null));
  const filled = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== ""));
  const parsed = explainRequest.safeParse({
    ...filled,
    url,
    groups: groups
      .split(",")
      .map((one) => one.trim())
      .filter((one) => one !== ""),
  });
  if (!parsed.success)
    return show(
      400,
      "Explain",
      explainBody(given, null, parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ")),
    );
  return show(200, "Explain", explainBody(given, operations.explain(explainInput(parsed.data, now)), null));
}

function questionOf(
  operations: Operations,
  refusal: Extract<ReturnType<Operations["tail"]>[number], { event: "refusal" }>,
): Record<string, string> {
  const { scheme } = operations.settings().auth.origin;
  const { host, path, client, principal } = refusal;
  return {
    url: `${scheme}://${host}${path}`,
    address: client,
    asUser: principal?.email ?? principal?.subject ?? "",
    provider: principal?.provider ?? "",
  };
}

/** The API's own answer to a question without parameters. */
async function answerOf(operations: Operations, path: string, now: number): Promise<object> {
  const route = apiRoutes.find((one) => one.path === path && one.method === "get");
  const call = { operations, operator: { name: "console", address: "" }, handle: "", query: {}, body: null, now };
  return (await route?.run(call)) ?? {};
}

function pick(given: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(sessionFields.flatMap((name) => (given[name] ? [[name, given[name]] as const] : [])));
}

async function formOf(context: Context<Env>): Promise<Record<string, string>> {
  const form = await context.req.parseBody();
  return Object.fromEntries(Object.entries(form).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

/** Browsers say where a form comes from, in a way that no script can forge; the scheme is that of the gateway in front. */
function isOwnForm(context: Context<Env>, host: string): boolean {
  const [origin, site] = [context.req.header("origin"), context.req.header("sec-fetch-site")];
  if (site !== undefined && site !== "same-origin") return false;
  return origin === undefined ? site === "same-origin" : URL.parse(origin)?.host === host;
}
