import { page, redirectTo } from "../../control/answers.ts";
import { isNumber, isText } from "../../control/browser-state.ts";
import { type ControlRequest, type Endpoint, onlyParameter } from "../../control/router.ts";
import type { Answer } from "../../core/answer.ts";
import { GatewayError } from "../../core/errors.ts";
import { formatOrigin } from "../../core/origin.ts";
import type { Facts } from "../../core/ports/facts.ts";
import type { SubmittedForm } from "../../core/ports/login-redirect.ts";
import type { KeptField } from "../../core/ports/pages.ts";
import type { Visit } from "../../core/route.ts";
import type { Needs } from "./parts.ts";
import { isSameBinding, loginLimitMs, readBinding } from "./wanted-page.ts";

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
  readonly multipart: boolean;
  readonly fields: readonly KeptField[];
  readonly at: number;
}

/**
 * Keeps a form and answers the path on this host to come back to; null when it cannot be kept as it is: a field that would change on the way
 * back (another character set, a NUL), too many fields, or too many forms. Only for browsers that were signed in before: a stranger's flood
 * leaves the store empty.
 */
export async function keepForm(
  parts: Needs<"clock"> & { readonly facts: Pick<Facts, "park" | "count"> },
  visit: Visit,
  kept: { readonly form: SubmittedForm; readonly binding: string },
): Promise<string | null> {
  const { form, binding } = kept;
  const fields = await readFields(form);
  if (fields === null) return null;
  if ((await parts.facts.count(kind, form.earlierSession, loginLimitMs)) > mostAtOnce) return null;
  const { incoming, site } = visit;
  const record: KeptForm = {
    host: site.hostname,
    path: incoming.path + incoming.query,
    binding,
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

/** `GET /_vestibule/form?id=`: shows once what was kept and where it goes; a click sends it, from this browser, to be judged like any form. */
export function keptFormEndpoint(parts: Needs<"facts" | "names" | "renderPage" | "clock">): Endpoint {
  return { path: "/form", on: "app", methods: ["GET"], limited: true, urgent: false, run: (request) => showForm(parts, request) };
}

async function showForm(parts: Needs<"facts" | "names" | "renderPage" | "clock">, request: ControlRequest): Promise<Answer> {
  const { incoming, site } = request.visit;
  const handle = onlyParameter(request.query, "id") ?? "";
  const text = /^[A-Za-z0-9_-]{16,128}$/.test(handle) ? await parts.facts.unpark(kind, handle) : null;
  const form = text === null ? null : readKept(text);
  // Another host's form, or another browser's, is never shown: it holds what somebody typed.
  const binding = readBinding(incoming.cookie, parts.names);
  if (form === null || site.app === null || form.host !== site.hostname || binding === null || !isSameBinding(binding, form.binding))
    return redirectTo(`${formatOrigin(site.origin)}/`);
  if (parts.clock() - form.at > loginLimitMs) throw new GatewayError("login.stale", "the form that was kept has expired");
  return page(parts, incoming, 200, {
    page: "kept-form",
    app: site.app.settings.name,
    action: form.path,
    host: site.hostname,
    multipart: form.multipart,
    fields: form.fields,
  });
}

function readKept(text: string): KeptForm | null {
  const { host, path, binding, multipart, fields, at } = JSON.parse(text) as Record<string, unknown>;
  const whole = isText(host) && isText(path) && path.startsWith("/") && isText(binding) && Array.isArray(fields) && isNumber(at);
  return whole ? { host, path, binding, multipart: multipart === true, fields: fields as readonly KeptField[], at } : null;
}
