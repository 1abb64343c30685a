import type { Finding } from "./report.ts";
import { salvage } from "./salvage.ts";
import { type ConfigFile, fileSchema, sections } from "./schema.ts";
import { appShape } from "./schema-apps.ts";
import { providerShape } from "./schema-providers.ts";
import { ruleList } from "./schema-rules.ts";
import { testSchema } from "./schema-tests.ts";
import { readShape } from "./shape.ts";
import { isRecord } from "./yaml-document.ts";

/**
 * The file for the meaning pass: like ConfigFile, with null where the shape leaves nothing to judge.
 * Names come from the file itself, so that a misshapen provider is not reported as unknown, too.
 */
export type Draft = {
  readonly [Section in "listen" | "admin" | "workers" | "trustedProxies" | "insecure" | "auth" | "sessions"]: ConfigFile[Section] | null;
} & {
  readonly providers: ReadonlyMap<string, ConfigFile["providers"][string] | null>;
  readonly policies: ReadonlyMap<string, ConfigFile["policies"][string] | null>;
  readonly apps: readonly (ConfigFile["apps"][number] | null)[];
  readonly tests: readonly (ConfigFile["tests"][number] | null)[];
  readonly later: { readonly directory: unknown; readonly localUsers: unknown; readonly forwardAuth: unknown };
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
  ...{ listen: null, admin: null, workers: null, trustedProxies: null, insecure: null, auth: null, sessions: null },
  ...{ providers: new Map(), policies: new Map(), apps: [], tests: [] },
  later: { directory: null, localUsers: null, forwardAuth: null },
};

function wholeDraft(file: ConfigFile): Draft {
  const { directory, localUsers, forwardAuth } = file;
  return {
    ...file,
    providers: new Map(Object.entries(file.providers)),
    policies: new Map(Object.entries(file.policies)),
    later: { directory, localUsers, forwardAuth },
  };
}

function salvagedDraft(plain: Readonly<Record<string, unknown>>): Draft {
  return {
    listen: salvage(sections.listen, plain.listen),
    admin: salvage(sections.admin, plain.admin),
    workers: salvage(sections.workers, plain.workers),
    trustedProxies: salvage(sections.trustedProxies, plain.trustedProxies),
    insecure: salvage(sections.insecure, plain.insecure),
    auth: salvage(sections.auth, plain.auth),
    sessions: salvage(sections.sessions, plain.sessions),
    providers: each(plain.providers, (item) => salvage(providerShape, item)),
    policies: each(plain.policies, (item) => salvage(ruleList(), item)),
    apps: list(plain.apps).map((item) => salvage(appShape, item)),
    tests: list(plain.tests).map((item) => salvage(testSchema, item)),
    later: { directory: plain.directory, localUsers: plain.localUsers, forwardAuth: plain.forwardAuth },
  };
}

function each<T>(value: unknown, read: (item: unknown) => T): ReadonlyMap<string, T> {
  return new Map(isRecord(value) ? Object.entries(value).map(([name, item]) => [name, read(item)]) : []);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
