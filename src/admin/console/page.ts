import { html } from "hono/html";
import type { AuditEntry } from "../../core/audit-events.ts";
import type { ConsoleParts } from "../../pages/console-frame.ts";
import { fact, type Markup } from "../../pages/layout.ts";
import type { ConsoleKey, ConsoleTexts } from "../../pages/texts/console-english.ts";
import { fill } from "../../pages/texts/texts.ts";
import type { Operations, Operator } from "../operations.ts";

/**
 * One place of the console as data: a row in the table of `pages.ts`. The router does the rest: who may come in, who may act, where forms
 * come from, the navigation. A page that has nothing to show in a configuration says so with `isThere`.
 */
export interface ConsolePage {
  /** Below `/console/`. */
  readonly place: string;
  readonly name: ConsoleKey;
  readonly isThere?: (operations: Operations) => boolean;
  /** `GET /console/<place>`. */
  readonly show: (call: ConsoleCall) => Promise<ConsoleAnswer> | ConsoleAnswer;
  /** `GET /console/<place>/<id>`; null = there is no such thing. */
  readonly showOne?: (call: ConsoleCall, id: string) => Promise<ConsoleAnswer | null> | ConsoleAnswer | null;
  /** The same by `POST`, where what is asked may be longer than an address; it changes nothing, so readers may. */
  readonly takesForm?: true;
  /** `POST /console/<place>/<act>`. Never called for those who only look. */
  readonly acts?: Readonly<Record<string, (call: ConsoleCall) => Promise<ConsoleAnswer> | ConsoleAnswer>>;
}

/** Who asks what, of which instance. */
export interface ConsoleCall {
  readonly operations: Operations;
  readonly operator: Operator;
  readonly texts: ConsoleTexts;
  /** For dates and numbers. */
  readonly tag: string;
  /** What the address says, or the form that was posted; each name once. */
  readonly given: Readonly<Record<string, string | undefined>>;
  readonly now: number;
}

/** A page, or where the browser goes after an act; `mayBeOwn` where it may have ended the operator's own session. */
export type ConsoleAnswer = (ConsoleParts & { readonly status?: number }) | { readonly redirect: string; readonly mayBeOwn?: true };

/** The moment, in UTC: today without its date. */
export function timeWords(at: number, { tag, now }: Pick<ConsoleCall, "tag" | "now">): Markup {
  const isToday = new Date(at).toISOString().slice(0, 10) === new Date(now).toISOString().slice(0, 10);
  const date = isToday ? {} : ({ day: "numeric", month: "short", ...(now - at > 300 * 86_400_000 ? { year: "numeric" } : {}) } as const);
  const words = new Intl.DateTimeFormat(tag, {
    ...date,
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    timeZone: "UTC",
  });
  return html`<time datetime="${new Date(at).toISOString()}">${words.format(at)}</time>`;
}

export function numberWords(value: number, { tag }: Pick<ConsoleCall, "tag">, digits = 1): string {
  return new Intl.NumberFormat(tag, { maximumFractionDigits: value >= 100 ? 0 : digits }).format(value);
}

/** A time as people read it: `0.4 ms`, `12 ms`, `1.2 s`; a dash for what was not measured. */
export function durationWords(ms: number | null, call: Pick<ConsoleCall, "tag">): string {
  if (ms === null) return "–";
  return ms < 1_000 ? `${numberWords(ms, call, ms < 10 ? 1 : 0)} ms` : `${numberWords(ms / 1_000, call)} s`;
}

export function daysWords(days: number, texts: ConsoleTexts): string {
  return fill(texts[days < 0 ? "words.expired" : "words.days"], { count: String(Math.abs(Math.floor(days))) });
}

/** A state in a word and a colour. */
export function stateBadge(kind: "good" | "bad" | "plainly", words: string): Markup {
  return html`<span class="state ${kind}">${words}</span>`;
}

export function checkField(name: string, label: string, isChecked: boolean): Markup {
  return html`<div class="check"><input type="checkbox" id="f-${name}" name="${name}" value="true"${isChecked ? html` checked` : null}><label for="f-${name}">${label}</label></div>`;
}

export function field(name: string, label: string, value: string, kind = "text"): Markup {
  return html`<div><label for="f-${name}">${label}</label><input class="text" id="f-${name}" name="${name}" type="${kind}" value="${value}" autocomplete="off" autocapitalize="none" spellcheck="false"></div>`;
}

/** A field for a list of any length, one to a line. */
export function listField(name: string, label: string, value: string): Markup {
  return html`<div><label for="f-${name}">${label}</label><textarea class="text" id="f-${name}" name="${name}" rows="4" autocomplete="off" autocapitalize="none" spellcheck="false">${value}</textarea></div>`;
}

/** Names and values in pairs; nothing is shown for null. */
export function facts(pairs: readonly (readonly [string, Markup | string | null])[]): Markup {
  return html`<dl class="facts">${pairs.map(([name, value]) => (value === null ? null : fact(name, value)))}</dl>`;
}

/** A form that is one button, for those who may act; nothing for readers. */
export function actButton(
  { operator }: ConsoleCall,
  action: string,
  fields: Readonly<Record<string, string>>,
  label: string,
  options: { readonly name?: string; readonly look?: string } = {},
): Markup | null {
  if (!operator.mayAct) return null;
  const hidden = Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`);
  return html`<form method="post" action="/console/${action}">${hidden}<button class="button ${options.look ?? "plain small"}" type="submit"${options.name === undefined ? null : html` aria-label="${options.name}"`}>${label}</button></form>`;
}

/** An address of the console with these parameters, those that are empty left out. */
export function urlOf(place: string, query: Readonly<Record<string, string | null | undefined>> = {}): string {
  const pairs = Object.entries(query).filter((pair): pair is [string, string] => pair[1] != null && pair[1] !== "");
  return `/console/${place}${pairs.length === 0 ? "" : `?${new URLSearchParams(pairs)}`}`;
}

/** How people call who an account is. */
export function whoWords({
  subject,
  email,
  name,
}: {
  readonly subject: string;
  readonly email: string | null;
  readonly name?: string | null;
}): string {
  return name ?? email ?? subject;
}

/** Who an event is about, for people; null when it names no person. */
export function whoOf(entry: AuditEntry): string | null {
  if ("principal" in entry && entry.principal !== null)
    return typeof entry.principal === "string" ? entry.principal : whoWords(entry.principal);
  return "subject" in entry ? entry.subject : null;
}
