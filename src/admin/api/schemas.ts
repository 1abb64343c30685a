import { isIP } from "node:net";
import { z } from "zod";

/** The shapes of the API: what is checked, and what the OpenAPI document says, from the same schemas. */

const optionalText = (what: string) =>
  z.string().min(1, { error: "this is empty" }).max(320, { error: "at most 320 characters" }).optional().describe(what);

/** Conditions on sessions; all that are given must hold. */
const conditions = {
  person: optionalText("The subject, as the provider names the person."),
  email: optionalText("The e-mail address; case does not matter."),
  group: optionalText("A group; case does not matter."),
  provider: optionalText("A provider's id."),
  address: optionalText("The client's address at login."),
  app: optionalText("The id of an app that was opened: its first host."),
};

export const sessionsQuery = z.strictObject({
  ...conditions,
  limit: z.coerce.number().int().min(1).max(500).default(50).describe("Sessions a page."),
  cursor: optionalText("`next` of the page before."),
});

export const sessionItem = z
  .object({
    handle: z.string().describe("Names the session here and in the log; opens nothing."),
    person: z.object({
      provider: z.string(),
      subject: z.string(),
      email: z.string().nullable(),
      name: z.string().nullable(),
    }),
    groups: z.array(z.string()).nullable().describe("Null when the provider's word could not be understood."),
    address: z.string().nullable(),
    userAgent: z.string().nullable(),
    startedAt: z.iso.datetime(),
    lastSeenAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    apps: z.array(z.object({ id: z.string(), lastOpenedAt: z.iso.datetime() })),
  })
  .meta({ id: "Session" });

export const sessionsPage = z.object({
  sessions: z.array(sessionItem),
  next: z.string().nullable().describe("Null = that was all."),
});

export const endRequest = z
  .strictObject({
    person: conditions.person,
    email: conditions.email,
    provider: conditions.provider,
    address: conditions.address,
    group: conditions.group,
    app: conditions.app,
    all: z.literal(true).optional().describe("Everyone's. Instead of any other condition."),
    dryRun: z.boolean().default(false).describe("Count, and end nothing."),
  })
  .refine(({ all, dryRun: _, ...rest }) => (all === true) !== Object.values(rest).some((value) => value !== undefined), {
    error: "name whose sessions: person, email, provider, address, group, app, or all: true alone",
  })
  .meta({ id: "EndSessions" });

export const endAnswer = z.object({ ended: z.int(), dryRun: z.boolean() });

const isTime = (text: string) => !Number.isNaN(Date.parse(text));

export const explainRequest = z
  .strictObject({
    url: z
      .string()
      .regex(/^https?:\/\/[^/\s]/i, { error: "an http or https URL" })
      .optional(),
    request: optionalText("The number of a refused request, instead of `url`: asked again as it was, but for what else is given."),
    method: z
      .string()
      .regex(/^[A-Za-z-]{1,32}$/, { error: "a method such as GET" })
      .optional()
      .describe("Default: GET."),
    asUser: optionalText("The provider's stable id, or an e-mail address."),
    email: optionalText("The e-mail address."),
    name: optionalText("The display name."),
    groups: z.array(z.string().min(1)).max(10_000).optional().describe("Default: none."),
    provider: optionalText("Default: the owner of the e-mail domain, else the app's first."),
    acr: optionalText("How strongly the visitor proved who they are."),
    claims: z.record(z.string(), z.array(z.string())).default({}),
    address: z
      .string()
      .refine((text) => isIP(text) !== 0, { error: "an IP address" })
      .optional()
      .describe("The client's address; default: 127.0.0.1."),
    at: z.string().refine(isTime, { error: "a time in ISO 8601" }).optional().describe("Default: now."),
    websocket: z.boolean().optional().describe("Default: false."),
  })
  .refine(({ url, request }) => (url === undefined) !== (request === undefined), { error: "either url or request", path: ["url"] })
  .meta({ id: "Explain" });

export const explainAnswer = z.looseObject({ outcome: z.string(), asked: z.string() }).meta({ id: "Explanation" });

export const auditQuery = z.strictObject({
  event: optionalText("login, login-failed, logout, refusal, revocation, reload."),
  text: optionalText("Stands in some field."),
  since: z.iso.datetime({ offset: true }).optional().describe("Not older than this."),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});
export const auditAnswer = z.object({
  events: z.array(
    z.looseObject({
      event: z.string(),
      at: z.iso.datetime(),
      instance: z.string().optional().describe("The id of another instance that wrote it; absent = this one."),
    }),
  ),
});

const latency = z
  .object({ p50: z.number().nullable(), p99: z.number().nullable() })
  .describe("Milliseconds, as exactly as the histogram's buckets tell; null when nothing was measured.")
  .meta({ id: "Latency" });

export const providersAnswer = z.object({
  providers: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      method: z.string(),
      emailDomains: z.array(z.string()),
      unproven: z.array(z.string()).describe("Those of emailDomains that do not count: no TXT record proves them."),
      ok: z.boolean(),
      detail: z.string(),
      documents: z.array(z.object({ what: z.string(), fetchedAt: z.iso.datetime() })).describe("Metadata and keys in use."),
      expiryDays: z.record(z.string(), z.number()).describe("Days until a certificate or the metadata expires, by what."),
      lastError: z
        .object({ code: z.string(), detail: z.string(), at: z.iso.datetime(), cure: z.string().nullable() })
        .nullable()
        .describe("The latest login that failed."),
      logins: z.record(z.string(), z.number()).describe("By outcome, since the start, over all instances."),
    }),
  ),
});

export const appsAnswer = z.object({
  apps: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      hosts: z.array(z.string()),
      providers: z.array(z.string()),
      upstreams: z.array(
        z.object({ url: z.string(), unreachableAt: z.iso.datetime().nullable().describe("When it could last not be reached, lately.") }),
      ),
      lately: z.object({
        seconds: z.number(),
        requests: z.int(),
        refused: z.int(),
        errors: z.int(),
        failures: z.record(z.string(), z.int()).describe("By error code: what the upstream did not answer properly."),
        gateway: latency,
        upstream: latency,
      }),
      people: z.int().nullable().describe("Who opened it during the last thirty days; right within about one in a hundred."),
      routes: z.array(z.object({ path: z.string(), upstreams: z.array(z.string()), enforce: z.boolean() })),
    }),
  ),
});

export const statusAnswer = z.looseObject({
  version: z.string(),
  ready: z.boolean(),
  sessions: z.int().nullable(),
  lastMinute: z.object({
    requestsPerSecond: z.number(),
    refusalsPerMinute: z.number(),
    errorsPerMinute: z.number(),
    gateway: latency,
    upstream: latency,
  }),
  instances: z.array(z.object({ id: z.string(), name: z.string(), version: z.string(), startedAt: z.iso.datetime(), ready: z.boolean() })),
});
export const configAnswer = z.looseObject({}).describe("The configuration in force; secrets are shown as [secret].");
export const reloadAnswer = z.object({ outcome: z.enum(["applied", "rejected"]), detail: z.string() });

/** RFC 9457. */
export const problem = z
  .object({ type: z.string(), title: z.string(), status: z.int(), detail: z.string().optional(), code: z.string() })
  .meta({ id: "Problem" });
