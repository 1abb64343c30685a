import { createHash } from "node:crypto";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { getCookie } from "hono/cookie";
import { html } from "hono/html";
import { streamSSE } from "hono/streaming";
import { leadOn } from "../../control/answers.ts";
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Log } from "../../core/ports/log.ts";
import { type ConsoleParts, layOutConsole, liveScript } from "../../pages/console-frame.ts";
import { consoleStyleOf } from "../../pages/console-style.ts";
import { inOneDirection } from "../../pages/layout.ts";
import { consoleTexts } from "../../pages/texts/console-french.ts";
import { createChooseLocale } from "../../pages/texts/locale.ts";
import { fill } from "../../pages/texts/texts.ts";
import { isSame } from "../api/api.ts";
import { problemAnswer } from "../api/problem.ts";
import type { Operations, Operator } from "../operations.ts";
import { nowBody } from "./now.ts";
import { type ConsoleAnswer, type ConsoleCall, field, urlOf } from "./page.ts";
import { consolePages } from "./pages.ts";
import { consoleCookie, endConsoleCookie, isOwnForm, issueConsoleCookie, operatorOf } from "./sign-on.ts";

interface Env {
  readonly Bindings: { readonly address: string };
  readonly Variables: { operator: Operator };
}
interface ConsoleDeps {
  readonly operations: Operations;
  readonly log: Log;
  readonly clock: Clock;
}

/** Room for the longest list of groups of one person. */
const maxFormBytes = 256 * 1024;

/** The operators' pages under `/console`: what the API answers, for people. Works without a script. */
export function createConsole({ operations, log, clock }: ConsoleDeps): Hono<Env> {
  const app = new Hono<Env>();
  const languageOf = (context: Context<Env>) =>
    consoleTexts(createChooseLocale(operations.settings().auth.locale)(context.req.header("accept-language") ?? null).tag);
  const callOf = async (context: Context<Env>): Promise<ConsoleCall> => ({
    ...{ operations, operator: context.var.operator, ...languageOf(context), now: clock() },
    given: context.req.method === "POST" ? await formOf(context) : context.req.query(),
  });
  const answer = (context: Context<Env>, given: ConsoleAnswer, here: string | null = null) => {
    if (!("redirect" in given)) return page(operations, context, languageOf(context), given, here);
    if (given.mayBeOwn !== true || context.var.operator.name === "token") return context.redirect(given.redirect, 303);
    // The way may lead to the login by now, on another origin.
    const { status, headers, body } = leadOn(given.redirect, 200);
    return new Response(body, { status, headers: headers.map(([name, value]): [string, string] => [name, value]) });
  };

  const problem = (context: Context<Env>, status: number, words: string, place = "now") => {
    const { texts } = languageOf(context);
    const name = consolePages.find((known) => known.place === place)?.name ?? "nav.now";
    return page(operations, context, languageOf(context), {
      ...{ status, title: texts["problem.title"], lead: null },
      body: html`<p class="problem" role="alert">${words}</p><p><a href="${urlOf(place)}">${texts[name]}</a></p>`,
    });
  };
  const wrongMethod = (context: Context<Env>, allowed: readonly string[], place: string) => {
    const { texts } = languageOf(context);
    const response = problem(context, 405, texts[allowed.includes("GET") ? "problem.method" : "problem.onlyForm"], place);
    response.headers.set("Allow", allowed.join(", "));
    return response;
  };

  app.use(async (context, next) => {
    // A form of another site's: browsers say where it comes from, in a way that no script can forge.
    if (context.req.method === "POST" && !isOwnForm(context.req.raw.headers))
      throw new GatewayError("console.other-site", languageOf(context).texts["problem.otherSite"]);
    return next();
  });
  // Before the sign-in: this listener is asked by strangers as well.
  const tooLarge = () => {
    throw new GatewayError("request.body-too-large", `a form has at most ${maxFormBytes} bytes`);
  };
  app.use(bodyLimit({ maxSize: maxFormBytes, onError: tooLarge }));
  app.use(async (context, next) => {
    if (context.req.path === "/console/sign-in") return next();
    const operator = await operatorOf(operations, readProof(context), clock());
    if (operator === null) return answer(context, signIn(operations, languageOf(context).texts, null));
    context.set("operator", operator);
    if (context.req.method === "POST" && !operator.mayAct && !isQuestion(context.req.path))
      throw new GatewayError("console.only-looking", languageOf(context).texts["problem.onlyLooking"]);
    return next();
  });
  app.post("/sign-in", async (context) => {
    const { token } = operations.settings().console;
    const given = (await formOf(context)).token ?? "";
    if (token === null || !isSame(given, token.reveal())) {
      log.warn({ client: context.env.address }, "a sign-in to the console was refused");
      const { texts } = languageOf(context);
      return answer(context, signIn(operations, texts, texts["signIn.wrong"]));
    }
    const response = context.redirect("/console/now", 303);
    response.headers.set("Set-Cookie", issueConsoleCookie(token.reveal(), clock()));
    return response;
  });
  app.post("/sign-out", (context) => {
    const response = context.redirect("/console/now", 303);
    response.headers.set("Set-Cookie", endConsoleCookie);
    return response;
  });
  for (const path of ["/sign-in", "/sign-out"]) {
    // The address of a form's answer, opened by itself.
    app.get(path, (context) => context.redirect("/console/now", 303));
    app.all(path, (context) => wrongMethod(context, ["GET", "HEAD", "POST"], "now"));
  }
  app.get("/now/stream", (context) =>
    liveNow(context, async () => inOneDirection(String(await nowBody(await callOf(context)))), operations),
  );
  app.all("/now/stream", (context) => wrongMethod(context, ["GET", "HEAD"], "now"));
  for (const { place, show, showOne, takesForm = false, acts = {}, isThere = () => true } of consolePages) {
    const there = async (context: Context<Env>, next: () => Promise<void>) => (isThere(operations) ? next() : context.notFound());
    const methods = takesForm ? ["GET", "POST"] : ["GET"];
    app.on(methods, `/${place}`, there, async (context) => answer(context, await show(await callOf(context)), place));
    app.all(`/${place}`, there, (context) => wrongMethod(context, ["GET", "HEAD", ...methods.slice(1)], place));
    // Before the pages of single things: none of those has the name of an act.
    for (const [act, run] of Object.entries(acts)) {
      app.post(`/${place}/${act}`, there, async (context) => answer(context, await run(await callOf(context)), place));
      app.all(`/${place}/${act}`, there, (context) => wrongMethod(context, ["POST"], place));
    }
    if (showOne !== undefined) {
      app.get(`/${place}/:id`, there, async (context) => {
        const found = await showOne(await callOf(context), context.req.param("id") ?? "");
        return found === null ? context.notFound() : answer(context, found, place);
      });
      app.all(`/${place}/:id`, there, (context) => wrongMethod(context, ["GET", "HEAD"], place));
    }
  }
  app.notFound((context) => problem(context, 404, languageOf(context).texts["problem.notFound"]));
  app.all("*", (context) => context.notFound());
  app.onError((error, context) => {
    const { status } = problemAnswer(error);
    if (status >= 500) log.warn({ error }, "a console request failed");
    return problem(context, status, status < 500 || status === 503 ? error.message : languageOf(context).texts["problem.log"]);
  });
  return app;
}

type Language = ReturnType<typeof consoleTexts>;

/** One page with its protective fields: one style and one script by their hashes, framed by no other page, kept by no cache. */
function page(
  operations: Operations,
  context: Context<Env>,
  { tag, texts }: Language,
  parts: ConsoleParts & { readonly status?: number },
  here: string | null = null,
): Response {
  const { branding } = operations.settings();
  const operator = context.var.operator as Operator | undefined;
  const style = consoleStyleOf(branding);
  const there = consolePages.filter(({ isThere = () => true }) => isThere(operations));
  const places = there.map(({ place, name }) => ({ url: urlOf(place), name: texts[name], isHere: place === here }));
  const who = operator === undefined ? null : { name: operator.name, mayAct: operator.mayAct, byToken: operator.name === "token" };
  const text = layOutConsole({ tag, texts, style, branding, who, places: who === null ? null : places }, parts);
  const policy = [
    "default-src 'none'",
    `style-src ${hashOf(style)}`,
    ...(parts.live === undefined ? [] : [`script-src ${hashOf(liveScript)}`, "connect-src 'self'"]),
    ...["img-src data:", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"],
  ];
  return new Response(text, {
    status: parts.status ?? 200,
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Language": tag,
      "Cache-Control": "no-store",
      "Content-Security-Policy": policy.join("; "),
      "Referrer-Policy": "same-origin",
      Vary: "Accept-Language",
      "X-Content-Type-Options": "nosniff",
      "X-Frame-Options": "DENY",
      "Cross-Origin-Resource-Policy": "same-origin",
    },
  });
}

const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

function signIn(operations: Operations, texts: Language["texts"], wrong: string | null): ConsoleAnswer {
  const { token, host } = operations.settings().console;
  const problem = token === null ? texts["signIn.none"] : wrong;
  const sso = host === null ? null : html`<p class="reason">${fill(texts["signIn.sso"], { host })}</p>`;
  return {
    ...{ status: 401, title: texts["signIn.title"], lead: null },
    body: html`<section class="card">${problem === null ? null : html`<p class="problem" role="alert">${problem}</p>`}
<form method="post" action="/console/sign-in">${field("token", texts["signIn.token"], "", "password")}<button class="button primary" type="submit">${texts["signIn.submit"]}</button></form>${sso}</section>`,
  };
}

function readProof(context: Context<Env>): Parameters<typeof operatorOf>[1] {
  return {
    host: context.req.header("host") ?? "",
    assertion: context.req.header("x-vestibule-assertion") ?? null,
    forwardedFor: context.req.header("x-forwarded-for") ?? null,
    cookie: getCookie(context, consoleCookie),
    address: context.env.address,
  };
}

/** A form that only asks. */
const isQuestion = (path: string) => consolePages.some(({ place, takesForm }) => takesForm === true && path === `/console/${place}`);

/** A listener that stays longer comes again by itself, and is checked again. */
const longestStreamMs = 120_000;
const retryMs = 1_000;

/** Sends the page's live part after each look, as long as the browser listens. */
function liveNow(context: Context<Env>, body: () => Promise<string>, operations: Operations): Response {
  const over = AbortSignal.any([context.req.raw.signal, AbortSignal.timeout(longestStreamMs)]);
  return streamSSE(context, async (stream) => {
    while (!over.aborted && !stream.aborted) {
      await stream.writeSSE({ data: JSON.stringify(await body()), retry: retryMs });
      await operations.fleet.nextLook(over);
    }
  });
}

async function formOf(context: Context<Env>): Promise<Record<string, string>> {
  const form = await context.req.parseBody();
  return Object.fromEntries(Object.entries(form).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}
