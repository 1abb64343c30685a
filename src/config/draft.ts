import type { z } from "zod";
import { type Finding, type KeyPath, keyOf } from "./problems/report.ts";
import { readShape } from "./problems/shape.ts";
import { ruleList } from "./schema/access.ts";
import { appShape } from "./schema/apps.ts";
import { type ConfigFile, fileSchema, sections, testSchema } from "./schema/file.ts";
import { providerShape } from "./schema/providers.ts";
import { isRecord } from "./yaml/document.ts";

/**
 * The file for the meaning pass: like ConfigFile, with null where the shape leaves nothing to judge.
 * Names come from the file itself, so that a misshapen provider is not reported as unknown, too.
 */
export type Draft = {
  readonly [Section in
    | "listen"
    | "admin"
    | "workers"
    | "trustedProxies"
    | "tracing"
    | "insecure"
    | "auth"
    | "branding"
    | "sessions"
    | "portal"
    | "console"]: ConfigFile[Section] | null;
} & {
  /** Null = not written; undefined = nothing of it can be judged. */
  readonly directory: ConfigFile["directory"] | undefined;
  readonly forwardAuth: ConfigFile["forwardAuth"] | undefined;
  readonly providers: ReadonlyMap<string, ConfigFile["providers"][string] | null>;
  readonly policies: ReadonlyMap<string, ConfigFile["policies"][string] | null>;
  readonly apps: readonly (ConfigFile["apps"][number] | null)[];
  readonly tests: readonly (ConfigFile["tests"][number] | null)[];
  readonly later: { readonly localUsers: unknown };
};

/** The shape pass: the file when it is whole, and in any case a draft and what is wrong. */
export interface ShapePass {
  readonly file: ConfigFile | null;
  readonly draft: Draft;
  readonly findings: readonly Finding[];
}

/** Judges the shape of the whole file at once. */
export function readFileShape(plain: Readonly<Record<string, unknown>>): ShapePass {
  const shape = readShape(fileSchema, plain, []);
  if (shape.ok) return { file: shape.value, draft: wholeDraft(shape.value), findings: [] };
  const draft = shape.findings.length > worthSalvaging ? nothing : salvagedDraft(plain);
  return { file: null, draft, findings: shape.findings };
}

/** With more problems than this in its shape a file is something else, and looking for its meaning takes seconds. */
const worthSalvaging = 500;

const nothing: Draft = {
  ...{
    listen: null,
    admin: null,
    workers: null,
    trustedProxies: null,
    tracing: null,
    insecure: null,
    auth: null,
    branding: null,
    sessions: null,
    portal: null,
    console: null,
    directory: undefined,
    forwardAuth: undefined,
  },
  ...{ providers: new Map(), policies: new Map(), apps: [], tests: [] },
  later: { localUsers: null },
};

function wholeDraft(file: ConfigFile): Draft {
  const { localUsers } = file;
  return {
    ...file,
    providers: new Map(Object.entries(file.providers)),
    policies: new Map(Object.entries(file.policies)),
    later: { localUsers },
  };
}

function salvagedDraft(plain: Readonly<Record<string, unknown>>): Draft {
  return {
    listen: salvage(sections.listen, plain.listen),
    admin: salvage(sections.admin, plain.admin),
    workers: salvage(sections.workers, plain.workers),
    trustedProxies: salvage(sections.trustedProxies, plain.trustedProxies),
    tracing: salvage(sections.tracing, plain.tracing),
    insecure: salvage(sections.insecure, plain.insecure),
    auth: salvage(sections.auth, plain.auth),
    branding: salvage(sections.branding, plain.branding),
    sessions: salvage(sections.sessions, plain.sessions),
    portal: salvage(sections.portal, plain.portal),
    console: salvage(sections.console, plain.console),
    directory: plain.directory == null ? null : (salvage(sections.directory, plain.directory) ?? undefined),
    forwardAuth: plain.forwardAuth == null ? null : (salvage(sections.forwardAuth, plain.forwardAuth) ?? undefined),
    providers: each(plain.providers, (item) => salvage(providerShape, item)),
    policies: each(plain.policies, (item) => salvage(ruleList(), item)),
    apps: list(plain.apps).map((item) => salvage(appShape, item)),
    tests: list(plain.tests).map((item) => salvage(testSchema, item)),
    later: { localUsers: plain.localUsers },
  };
}

function each<T>(value: unknown, read: (item: unknown) => T): ReadonlyMap<string, T> {
  return new Map(isRecord(value) ? Object.entries(value).map(([name, item]) => [name, read(item)]) : []);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

const maxRounds = 70;

/**
 * As much of a misshapen value as still has a meaning: keys that are wrong are left out, again and again, until the rest
 * fits; null when too little is left. Lists keep their length, so that every path still points into the file.
 * Only for finding further problems: a salvaged value is never put to use.
 */
function salvage<T extends z.ZodType>(schema: T, plain: unknown): z.output<T> | null {
  let rest = plain;
  for (let round = 0; round < maxRounds; round += 1) {
    const shape = readShape(schema, rest, []);
    if (shape.ok) return shape.value;
    const doomed = new Set<string>();
    for (const finding of shape.findings) {
      const key = removable(rest, finding.path);
      if (key === null) return null;
      doomed.add(keyOf(key));
    }
    rest = without(rest, [], doomed);
  }
  return null;
}

/** The nearest entry of a mapping around `path` that is there to be removed. */
function removable(plain: unknown, path: KeyPath): KeyPath | null {
  let value = plain;
  let found: KeyPath | null = null;
  for (const [at, step] of path.entries()) {
    if (typeof step === "number") value = Array.isArray(value) ? value[step] : undefined;
    else if (isRecord(value) && Object.hasOwn(value, step)) {
      found = path.slice(0, at + 1);
      value = value[step];
    } else return found;
  }
  return found;
}

function without(value: unknown, path: KeyPath, doomed: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((item, at) => without(item, [...path, at], doomed));
  if (!isRecord(value)) return value;
  const rest: Record<string, unknown> = Object.create(null);
  for (const [key, item] of Object.entries(value)) {
    const here = [...path, key];
    if (!doomed.has(keyOf(here))) rest[key] = without(item, here, doomed);
  }
  return rest;
}
